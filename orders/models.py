"""Orders and prices, as stored."""

from typing import Any, ClassVar

from django.db import models

from ecommerce import models as shared


class Order(shared.Stored):
    """An order; the fields are those of `domain.Order`."""

    order_id = models.CharField(primary_key=True, db_column="_id", max_length=36)
    customer_id = models.CharField(max_length=36)
    status = models.CharField(max_length=20)
    items: "models.JSONField[Any]" = models.JSONField()
    total_amount = models.BigIntegerField(help_text="minor units")
    currency = models.CharField(max_length=3)
    sealed: "models.JSONField[Any]" = models.JSONField(null=True)
    fingerprint = models.CharField(max_length=64)
    facts: "models.JSONField[Any]" = models.JSONField()
    cancellation_asked = models.CharField(max_length=20)
    cancellation_reason = models.CharField(max_length=20)
    failure = models.CharField(max_length=200)
    carrier = models.CharField(max_length=100)
    tracking_number = models.CharField(max_length=100)
    attention = models.CharField(max_length=30)

    class Meta:
        db_table = "orders"
        indexes: ClassVar = [
            models.Index(fields=["customer_id", "-created_at", "-order_id"], name="of_customer"),
            models.Index(fields=["-created_at", "-order_id"], name="newest"),
            models.Index(fields=["status", "-created_at", "-order_id"], name="by_status"),
            # Of what needs nobody there is no entry: most writes do not touch these.
            models.Index(fields=["attention"], name="attention", condition=models.Q(attention__gt="")),
            models.Index(fields=["parked"], name="held", condition=models.Q(parked__gt=0)),
        ]


class Product(shared.Stored):
    """Orders' own copy of a product's price."""

    sku = models.CharField(primary_key=True, db_column="_id", max_length=64)
    name = models.CharField(max_length=200)
    price = models.BigIntegerField(help_text="minor units")
    currency = models.CharField(max_length=3)
    revision = models.IntegerField()

    class Meta:
        db_table = "products"


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
