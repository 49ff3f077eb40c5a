"""Cursor pagination, newest first: a page costs the same at a million rows, and new rows shift nothing."""

import base64
import binascii
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Model, Q, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from ecommerce.http.parsing import time_of

DEFAULT_SIZE = 20
LARGEST_SIZE = 100


def page(request: Request, rows: QuerySet[Any], render: Callable[[Any], Any]) -> dict[str, Any]:
    """`{results, next}` of rows with a `created_at`; `next` is the cursor of the next page, or null."""
    size = _size(request.query_params.get("limit"))
    cursor = request.query_params.get("cursor")
    if cursor:
        at, pk = _read(cursor)
        rows = rows.filter(Q(created_at__lt=at) | Q(created_at=at, pk__lt=pk))
    found = list(rows.order_by("-created_at", "-pk")[: size + 1])
    following = _write(found[size - 1]) if len(found) > size else None
    return {"results": [render(row) for row in found[:size]], "next": following}


def _size(text: str | None) -> int:
    if text is None:
        return DEFAULT_SIZE
    if not (re.fullmatch("[0-9]{1,3}", text) and 1 <= int(text) <= LARGEST_SIZE):
        raise ValidationError({"limit": [f"Must be a whole number from 1 to {LARGEST_SIZE}."]})
    return int(text)


def _write(row: Model) -> str:
    text = f"{row.created_at.isoformat()}|{row.pk}"  # type: ignore[attr-defined]
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[datetime, str]:
    try:
        at, pk = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("|")
        return time_of(at), pk
    except (ValueError, binascii.Error) as error:
        raise ValidationError({"cursor": ["Is not a cursor that this list gave."]}) from error
