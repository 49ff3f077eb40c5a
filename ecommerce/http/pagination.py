"""Cursor pagination, newest first: a page costs the same at a million rows, and new rows shift nothing."""

import base64
import binascii
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from django.db.models import Q, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from ecommerce.http.parsing import time_of
from ecommerce.http.shapes import Page

DEFAULT_SIZE = 20
LARGEST_SIZE = 100

T = TypeVar("T")


class Cursor(NamedTuple):
    """A place in a list, newest first: behind the row of this time and name."""

    at: datetime
    name: str

    @classmethod
    def of(cls, request: Request) -> "Cursor | None":
        """That of the request, if it has one. Raises `ValidationError` for one that no list gave."""
        cursor = request.query_params.get("cursor")
        if cursor is None:
            return None
        try:
            at, name = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("|")
            return cls(time_of(at), name)
        except (ValueError, binascii.Error) as error:
            raise ValidationError({"cursor": ["Is not a cursor that this list gave."]}) from error

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(f"{self.at.isoformat()}|{self.name}".encode()).decode().rstrip("=")


def page(request: Request, rows: QuerySet[Any], render: Callable[[Any], T]) -> Page[T]:
    """A page of rows with a `created_at`."""
    size, cursor = size_of(request), Cursor.of(request)
    if cursor:
        rows = rows.filter(Q(created_at__lt=cursor.at) | Q(created_at=cursor.at, pk__lt=cursor.name))
    found = list(rows.order_by("-created_at", "-pk")[: size + 1])
    following = str(Cursor(found[size - 1].created_at, found[size - 1].pk)) if len(found) > size else None
    return Page(results=[render(row) for row in found[:size]], next=following)


def size_of(request: Request) -> int:
    """How many rows a page is to have. Raises `ValidationError`."""
    text = request.query_params.get("limit")
    if text is None:
        return DEFAULT_SIZE
    if not (re.fullmatch("[0-9]{1,3}", text) and 1 <= int(text) <= LARGEST_SIZE):
        raise ValidationError({"limit": [f"Must be a whole number from 1 to {LARGEST_SIZE}."]})
    return int(text)
