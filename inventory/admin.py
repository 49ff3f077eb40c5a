"""Inventory in the back office."""

from django.contrib import admin

from ecommerce.backoffice import ReadOnlyAdmin, register
from inventory import models

register(models.LogEntry, models.OutboxDocument, models.DeadLetter, models.Position, models.Lease, models.Heartbeat)


@admin.register(models.Reservation)
class ReservationAdmin(ReadOnlyAdmin):
    list_display = ("order_id", "status", "created_at")
    search_fields = ("=order_id",)


@admin.register(models.Stock)
class StockAdmin(ReadOnlyAdmin):
    list_display = ("sku", "name", "price", "currency", "on_hand", "available", "reserved")
    search_fields = ("=sku",)
