"""The collections that every service has, as Django models for admin and reads; only the engine writes them."""

from typing import ClassVar

from django.db import models


class Raw(models.Field):  # type: ignore[type-arg]
    """A part of a document as MongoDB gives it. A JSONField cannot be read where there are bytes in it."""


class Stored(models.Model):
    """What the engine keeps with every aggregate."""

    version = models.BigIntegerField(db_column="v", default=0)
    parked = models.IntegerField(default=0)
    stamp = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.pk)


class LogEntry(models.Model):
    """An entry of a service's log: an input that it took or, `own`, an event that it made."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=200)
    version = models.BigIntegerField(db_column="v")
    type = models.CharField(max_length=100)
    own = models.BooleanField()
    at = models.DateTimeField()
    taken_at = models.DateTimeField()
    cause = models.CharField(max_length=100, null=True)
    data = models.BinaryField()

    class Meta:
        abstract = True
        db_table = "events"

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"


class OutboxDocument(models.Model):
    """Public events of one commit that Kafka has not acknowledged yet."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=100)
    messages = Raw()

    class Meta:
        abstract = True
        db_table = "outbox"

    def __str__(self) -> str:
        return str(self.pk)


class DeadLetter(models.Model):
    """A message set aside, or one that waits behind it."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=300)
    collection = models.CharField(max_length=100, default="", help_text="where its aggregate is; empty without a key")
    key = models.CharField(max_length=200)
    place = models.IntegerField(help_text="its rank among those of its key")
    status = models.CharField(max_length=20)
    error = models.TextField()
    attempts = models.IntegerField()
    event_id = models.CharField(max_length=100)
    event_type = models.CharField(max_length=200)
    topic = models.CharField(max_length=250)
    partition = models.IntegerField()
    offset = models.BigIntegerField()
    message_key = models.BinaryField(null=True)
    headers = Raw()
    value = models.BinaryField(help_text="the original bytes")
    edited = models.BinaryField(null=True, help_text="what is taken in their place")
    history = Raw(default=list, help_text="who replayed, edited or discarded it, when and why")
    parked_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        db_table = "dead_letters"
        indexes: ClassVar = [
            models.Index(fields=["key", "place"], name="%(app_label)s_followers"),
            models.Index(fields=["status", "parked_at"], name="%(app_label)s_open_letters"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Position(models.Model):
    """The next offset that this service's consumer reads of a partition (`<topic>:<partition>:<id of the topic>`)."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=300)
    offset = models.BigIntegerField()

    class Meta:
        abstract = True
        db_table = "positions"

    def __str__(self) -> str:
        return f"{self.pk} {self.offset}"


class Lease(models.Model):
    """Who may do what only one does at a time, and until when."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=100)
    holder = models.CharField(max_length=300)
    until = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        db_table = "leases"

    def __str__(self) -> str:
        return f"{self.pk} {self.holder}"


class Heartbeat(models.Model):
    """What a process last said of itself: its circuit breaker, how long messages wait for its consumer."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=500)
    kind = models.CharField(max_length=50)
    subject = models.CharField(max_length=100)
    holder = models.CharField(max_length=300)
    values = Raw()
    at = models.DateTimeField()

    class Meta:
        abstract = True
        db_table = "heartbeats"

    def __str__(self) -> str:
        return str(self.pk)
