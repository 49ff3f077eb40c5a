"""The back office's base: everything can be read, nothing can be edited past the engine."""

from collections.abc import Sequence

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
    actions: Sequence[str] | None = None  # type: ignore[assignment]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
