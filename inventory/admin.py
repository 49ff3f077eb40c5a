"""Inventory in the back office."""

from django import forms
from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from ecommerce.backoffice import Deed, DeedForm, DeedsAdmin, Doer, ReadOnlyAdmin, register
from ecommerce.backoffice.filters import choice
from ecommerce.backoffice.landing import Figure, counted, show
from ecommerce.money import written
from ecommerce.registry import engine
from inventory import models, selectors
from inventory.messages import AdjustStock
from inventory.serializers import MOST_AT_ONCE
from inventory.service import STOCK

MOST_SHOWN = 50  # movements of a product

register(models.LogEntry, models.OutboxDocument, models.DeadLetter, models.Position, models.Lease, models.Heartbeat)


@admin.register(models.Reservation)
class ReservationAdmin(ReadOnlyAdmin):
    list_display = ("order_id", "status", "created_at")
    search_fields = ("order_id__exact",)


show(
    Figure(
        label="products low in stock",
        right="inventory.view_stock",
        count=lambda: counted("inventory", STOCK.collection, {"available": {"$lt": models.LOW}}),
        model="inventory_stock",
        query="stock=low",
        needs_a_person=True,
    )
)


class AdjustForm(DeedForm):
    delta = forms.IntegerField(
        label="So many came in or, below zero, are gone",
        min_value=-MOST_AT_ONCE,
        max_value=MOST_AT_ONCE,
        widget=UnfoldAdminIntegerFieldWidget,
    )


def _adjust(sku: str, doer: Doer) -> str:
    command = AdjustStock(sku=sku, delta=doer.said["delta"], reason=doer.reason, by=doer.by)
    engine("inventory").execute(command, id=doer.command_id("adjust", sku))
    return f"adjusted by {command.delta:+}"


@admin.register(models.Stock)
class StockAdmin(DeedsAdmin):
    deeds = (Deed(name="adjust", label="Adjust", do=_adjust, form=AdjustForm),)
    list_filter = (choice("stock", {"low": ("Low", lambda rows: rows.filter(available__lt=models.LOW))}),)
    readonly_fields = ("costs", "movements")
    fieldsets = (
        (None, {"fields": ("sku", "name", "costs", "available", "reserved", "on_hand", "movements")}),
        ("Since ever", {"fields": ("received", "shipped")}),
        ("Inside", {"fields": ("created_at", "updated_at", "revision", "version", "parked", "stamp")}),
    )
    ordering = ("sku",)
    list_display = ("sku", "name", "costs", "on_hand", "available", "reserved")
    search_fields = ("sku__exact",)

    @admin.display(description="price")
    def costs(self, stock: models.Stock) -> str:
        return written(stock.price, stock.currency)

    @admin.display(description="movements, the latest first")
    def movements(self, stock: models.Stock) -> SafeString:
        """What staff did; what orders take is on their reservations."""
        latest = selectors.movements(stock.sku)[: -MOST_SHOWN - 1 : -1]
        rows = ((f"{each.at:%Y-%m-%d %H:%M:%S}", f"{each.delta:+}", each.by, each.reason) for each in latest)
        return format_html_join("", "{} {} by {}: {}<br>", rows) or SafeString("none yet")
