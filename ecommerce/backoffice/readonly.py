"""The base of every page: what is there can be read, and no form sets a field of it."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.paginator import InfinitePaginator


class InOrder(ChangeList):
    """A list that nobody can sort otherwise, by a column or in the URL: there is an index for one order."""

    def get_ordering_field(self, field_name: Any) -> None:
        return None


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[type-arg,misc]
    """Lists and shows. What changes an order is a command, and commands go through the engine.

    Lists are as quick with a million rows as with ten: nothing is counted, what is searched and sorted has an index
    (`search_fields` end in `__exact`: Django's `=` ignores case, which no index does), and no column can be sorted by.
    """

    show_full_result_count = False
    sortable_by = ()
    paginator = InfinitePaginator
    list_per_page = 50
    list_fullwidth = True
    actions: Sequence[str] | None = None  # type: ignore[assignment]

    def get_changelist(self, request: HttpRequest, **_: Any) -> type[ChangeList]:
        return InOrder

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
