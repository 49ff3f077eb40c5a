"""Filters of lists whose choices are known without asking the database."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

Narrow = Callable[[QuerySet[Any]], QuerySet[Any]]


def one_of(name: str, values: type) -> type[admin.SimpleListFilter]:
    """By the value of a field, of those that an enumeration of strings has."""
    return choice(name, {str(value): (str(value).capitalize(), _equal(name, value)) for value in values})  # type: ignore[attr-defined]


def choice(name: str, choices: Mapping[str, tuple[str, Narrow]]) -> type[admin.SimpleListFilter]:
    """By what each choice, under its name in the URL and its label, makes of all rows."""

    class Filter(admin.SimpleListFilter):
        title = name
        parameter_name = name

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [(value, label) for value, (label, _) in choices.items()]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            chosen = choices.get(self.value() or "")
            return chosen[1](queryset) if chosen else queryset

    return Filter


def _equal(name: str, value: Any) -> Narrow:
    return lambda rows: rows.filter(**{name: str(value)})
