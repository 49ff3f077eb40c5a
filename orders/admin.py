"""Orders in the back office."""

from django.contrib import admin

from ecommerce.backoffice import ReadOnlyAdmin, register
from orders import models

register(models.LogEntry, models.OutboxDocument, models.DeadLetter, models.Position, models.Lease, models.Heartbeat)


@admin.register(models.Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = ("order_id", "status", "customer_id", "total_amount", "currency", "attention", "created_at")
    search_fields = ("=order_id", "=customer_id")
    exclude = ("sealed", "fingerprint")


@admin.register(models.Product)
class ProductAdmin(ReadOnlyAdmin):
    list_display = ("sku", "name", "price", "currency", "revision")
    search_fields = ("=sku",)
