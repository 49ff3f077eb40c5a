"""Payments in the back office."""

from django.contrib import admin

from ecommerce.backoffice import ReadOnlyAdmin, register
from payments import models

register(models.LogEntry, models.OutboxDocument, models.DeadLetter, models.Position, models.Lease, models.Heartbeat)


@admin.register(models.Payment)
class PaymentAdmin(ReadOnlyAdmin):
    list_display = ("order_id", "status", "pending", "amount", "currency", "failure", "created_at")
    search_fields = ("=order_id",)
    exclude = ("sealed",)
