"""The base of every page: what is there can be read, and no form sets a field of it."""

from collections.abc import Sequence

from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin


class UncountedPaginator(Paginator):  # type: ignore[type-arg]
    """Never counts a collection: a page past the end is empty, that is all."""

    @cached_property
    def count(self) -> int:
        return 10_000


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[type-arg,misc]
    """Lists and shows. What changes an order is a command, and commands go through the engine."""

    show_full_result_count = False
    paginator = UncountedPaginator
    list_per_page = 50
    list_fullwidth = True
    actions: Sequence[str] | None = None  # type: ignore[assignment]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
