"""What staff say to inventory."""

from typing import ClassVar

from ecommerce.messages import Command


class PutProduct(Command, frozen=True, kw_only=True):
    """The shop sells this, at this `price` (minor units) a piece. Also changes a product that it sells already."""

    key_field: ClassVar[str] = "sku"

    sku: str
    name: str
    price: int
    currency: str


class AdjustStock(Command, frozen=True, kw_only=True):
    """`delta` pieces came in or, below zero, are gone. `reason` and `by` (a user) are for the record."""

    key_field: ClassVar[str] = "sku"

    sku: str
    delta: int
    reason: str
    by: str
