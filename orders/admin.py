"""Orders in the back office."""

from django.contrib import admin

from ecommerce.backoffice import ReadOnlyAdmin, RevealingAdmin, register
from ecommerce.vault import vault
from orders import models, selectors
from orders.sealing import address_of, note_of

register(models.LogEntry, models.OutboxDocument, models.DeadLetter, models.Position, models.Lease, models.Heartbeat)


@admin.register(models.Order)
class OrderAdmin(RevealingAdmin):
    list_display = ("order_id", "status", "customer_id", "total_amount", "currency", "attention", "created_at")
    search_fields = ("=order_id", "=customer_id")
    exclude = ("sealed", "fingerprint")

    def opened(self, order: models.Order) -> dict[str, str]:
        if not order.sealed:
            return {"Address": "none: no order was placed here"}
        address = address_of(vault(), order.pk, order.sealed)
        place = f"{address.postal_code} {address.city}, {address.country}"
        notes = "; ".join(note_of(vault(), order.pk, sealed) for sealed in selectors.notes(order.pk))
        shown = {"Name": address.name, "Address": f"{address.line1}, {place}"}
        return shown | ({"Said when cancelling": notes} if notes else {})


@admin.register(models.Product)
class ProductAdmin(ReadOnlyAdmin):
    list_display = ("sku", "name", "price", "currency", "revision")
    search_fields = ("=sku",)
