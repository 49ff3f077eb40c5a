"""Shipping in the back office."""

from django.contrib import admin

from ecommerce.backoffice import ReadOnlyAdmin, register
from shipping import models

register(models.LogEntry, models.OutboxDocument, models.DeadLetter, models.Position, models.Lease, models.Heartbeat)


@admin.register(models.Shipment)
class ShipmentAdmin(ReadOnlyAdmin):
    list_display = ("order_id", "status", "pending", "tracking_number", "failure", "created_at")
    search_fields = ("order_id__exact",)
    exclude = ("sealed",)
