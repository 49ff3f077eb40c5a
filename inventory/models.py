"""Reservations and stock, as stored."""

from typing import Any, ClassVar

from django.db import models

from ecommerce import models as shared

LOW = 10  # pieces of a product, of which staff should hear


class Reservation(shared.Stored):
    """What is set aside for an order; the fields are those of `domain.Reservation`."""

    order_id = models.CharField(primary_key=True, db_column="_id", max_length=36)
    status = models.CharField(max_length=20)
    lines: "models.JSONField[Any]" = models.JSONField()
    missing: "models.JSONField[Any]" = models.JSONField()
    shipped = models.BooleanField()

    class Meta:
        db_table = "reservations"


class Stock(shared.Stored):
    """A product and its pieces; the fields are those of `domain.Stock`."""

    sku = models.CharField(primary_key=True, db_column="_id", max_length=64)
    name = models.CharField(max_length=200)
    price = models.BigIntegerField(help_text="minor units")
    currency = models.CharField(max_length=3)
    revision = models.IntegerField()
    on_hand = models.BigIntegerField()
    available = models.BigIntegerField()
    reserved = models.BigIntegerField()
    received = models.BigIntegerField()
    shipped = models.BigIntegerField()

    class Meta:
        db_table = "stock"
        verbose_name_plural = "stock"
        # Of what there is enough of there is no entry: most writes do not touch the index.
        indexes: ClassVar = [models.Index(fields=["available"], name="low", condition=models.Q(available__lt=LOW))]


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
