"""Payments, as stored."""

from typing import Any, ClassVar

from django.db import models

from ecommerce import models as shared


class Payment(shared.Stored):
    """An order's payment; the fields are those of `domain.Payment`."""

    order_id = models.CharField(primary_key=True, db_column="_id", max_length=36)
    customer_id = models.CharField(max_length=36)
    status = models.CharField(max_length=20)
    pending = models.CharField(max_length=20, help_text="what the gateway is still asked for")
    amount = models.BigIntegerField(help_text="minor units")
    currency = models.CharField(max_length=3)
    charge_id = models.CharField(max_length=100)
    failure = models.CharField(max_length=200)
    reserved = models.BooleanField()
    shipped = models.BooleanField()
    capture_failed = models.BooleanField()
    sealed: "models.JSONField[Any]" = models.JSONField(null=True)

    class Meta:
        db_table = "payments"
        # Of what is asked of nobody there is no entry: most writes do not touch the index.
        indexes: ClassVar = [
            models.Index(fields=["pending", "updated_at"], name="payments_asked", condition=models.Q(pending__gt=""))
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
