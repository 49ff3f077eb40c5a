"""The collections that every service has, in the back office."""

from typing import Any

from django.contrib import admin
from django.db.models import Model

from ecommerce.backoffice.deadletters import DeadLetterAdmin
from ecommerce.backoffice.readonly import ReadOnlyAdmin
from ecommerce.deadletters.showing import readable


class LogEntryAdmin(ReadOnlyAdmin):
    list_display = ("id", "version", "type", "own", "at", "taken_at")
    search_fields = ("id__exact",)
    exclude = ("data",)
    readonly_fields = ("content",)

    @admin.display
    def content(self, entry: Any) -> str:
        return readable(bytes(entry.data))


class OutboxAdmin(ReadOnlyAdmin):
    list_display = ("id",)
    exclude = ("messages",)


class PositionAdmin(ReadOnlyAdmin):
    list_display = ("id", "offset")


class LeaseAdmin(ReadOnlyAdmin):
    list_display = ("id", "holder", "until")


class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ("kind", "subject", "values", "holder", "at")


def register(*models: type[Model]) -> None:
    """Registers a service's own copies of the shared collections."""
    admins = {
        "events": LogEntryAdmin,
        "dead_letters": DeadLetterAdmin,
        "outbox": OutboxAdmin,
        "positions": PositionAdmin,
        "leases": LeaseAdmin,
        "heartbeats": HeartbeatAdmin,
    }
    for model in models:
        admin.site.register(model, admins[model._meta.db_table])
