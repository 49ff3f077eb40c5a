"""The back office's base: everything can be read, nothing can be edited past the engine."""

from typing import Any

import msgspec
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest
from django.utils.functional import cached_property


class UncountedPaginator(Paginator):  # type: ignore[type-arg]
    """Never counts a collection: a page past the end is empty, that is all."""

    @cached_property
    def count(self) -> int:
        return 10_000


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Lists and shows. What changes an order is a command, and commands go through the engine."""

    show_full_result_count = False
    paginator = UncountedPaginator
    list_per_page = 50
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def _readable(data: bytes) -> str:
    """A message as people read it, without what is sealed; bytes that are none, as they are."""
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return data.decode(errors="replace")
    payload = document.get("payload") if isinstance(document, dict) else None
    if isinstance(payload, dict):
        payload.update({name: "(not shown)" for name in ("sealed", "fingerprint") if name in payload})
    return msgspec.json.format(msgspec.json.encode(document)).decode()


class LogEntryAdmin(ReadOnlyAdmin):
    list_display = ("id", "version", "type", "own", "at", "taken_at")
    search_fields = ("=id",)
    exclude = ("data",)
    readonly_fields = ("content",)

    @admin.display
    def content(self, entry: Any) -> str:
        return _readable(bytes(entry.data))


class DeadLetterAdmin(ReadOnlyAdmin):
    list_display = ("id", "key", "place", "status", "event_type", "error", "parked_at")
    exclude = ("value",)
    readonly_fields = ("content",)

    @admin.display
    def content(self, letter: Any) -> str:
        return _readable(bytes(letter.value))


class OutboxAdmin(ReadOnlyAdmin):
    list_display = ("id",)
    exclude = ("messages",)


class PositionAdmin(ReadOnlyAdmin):
    list_display = ("id", "offset")


class LeaseAdmin(ReadOnlyAdmin):
    list_display = ("id", "holder", "until")


def register(*models: type[Model]) -> None:
    """Registers a service's own copies of the shared collections."""
    admins = {
        "events": LogEntryAdmin,
        "dead_letters": DeadLetterAdmin,
        "outbox": OutboxAdmin,
        "positions": PositionAdmin,
        "leases": LeaseAdmin,
    }
    for model in models:
        admin.site.register(model, admins[model._meta.db_table])
