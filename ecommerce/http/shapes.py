"""Answers as data: each is declared once, encoded as declared, and described in the API's document as such."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Generic, TypeVar

import msgspec

from ecommerce.environment import SERVICES

T = TypeVar("T")


class Shape(msgspec.Struct, kw_only=True, rename="camel"):
    """An answer, or a part of one: JSON in camelCase."""


class Page(Shape, Generic[T]):
    """A part of a list. `next` is the cursor of what follows, or null at the end."""

    results: list[T]
    next: str | None


class FieldError(Shape):
    """What is wrong with a field, named as in the request: `items[0].sku`."""

    field: str
    detail: str


class Problem(Shape, omit_defaults=True):
    """Why a request failed (RFC 9457). Programs read `type`, people the rest."""

    type: str
    title: str
    status: int
    detail: str = ""
    errors: list[FieldError] = []


def _example(value: object) -> msgspec.Meta:
    return msgspec.Meta(examples=[value])


def one_of(values: Iterable[str]) -> msgspec.Meta:
    """One of these, and nothing else."""
    return msgspec.Meta(extra_json_schema={"enum": [str(each) for each in values]})


Amount = Annotated[Decimal, _example(19.99)]  # a JSON number, as exact as it is here
Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$", examples=["USD"])]
Sku = Annotated[str, _example("SKU-001")]
OrderId = Annotated[str, _example("019c13ec-9e7b-787c-9f85-f8a09531d12c")]
ServiceName = Annotated[str, one_of(SERVICES)]
Time = Annotated[datetime, msgspec.Meta(tz=True, examples=["2026-01-31T12:00:00Z"])]
