"""Shipments, as stored."""

from typing import Any, ClassVar

from django.db import models

from ecommerce import models as shared


class Shipment(shared.Stored):
    """An order's shipment; the fields are those of `domain.Shipment`."""

    order_id = models.CharField(primary_key=True, db_column="_id", max_length=36)
    customer_id = models.CharField(max_length=36)
    status = models.CharField(max_length=20)
    pending = models.CharField(max_length=20, help_text="what the carrier is still asked for")
    carrier = models.CharField(max_length=100)
    tracking_number = models.CharField(max_length=100)
    failure = models.CharField(max_length=200)
    cancellation_asked = models.CharField(max_length=20)
    paid = models.BooleanField()
    handed_over = models.BooleanField()
    sealed: "models.JSONField[Any]" = models.JSONField(null=True)

    class Meta:
        db_table = "shipments"
        # Of what is asked of nobody there is no entry: most writes do not touch the index.
        indexes: ClassVar = [
            models.Index(fields=["pending", "updated_at"], name="shipping_asked", condition=models.Q(pending__gt=""))
        ]


class LogEntry(shared.LogEntry):
    class Meta(shared.LogEntry.Meta):
        verbose_name_plural = "log entries"


class OutboxDocument(shared.OutboxDocument):
    pass


class DeadLetter(shared.DeadLetter):
    pass


class Position(shared.Position):
    pass


class Lease(shared.Lease):
    pass


class Heartbeat(shared.Heartbeat):
    pass
