"""The shapes of inventory's requests and answers."""

from typing import Annotated

from drf_spectacular.utils import extend_schema_field

from ecommerce import typed
from ecommerce.http.parsing import StrictSerializer, Text, WholeNumber
from ecommerce.http.shapes import Amount, Currency, OrderId, Shape, Sku, one_of
from ecommerce.money import outside
from inventory import models
from inventory.domain import Status

MOST_AT_ONCE = 10**9


_DELTA = {"type": "integer", "minimum": -MOST_AT_ONCE, "maximum": MOST_AT_ONCE, "not": {"const": 0}}


@extend_schema_field(_DELTA)
class Delta(WholeNumber):
    """So many more or, below zero, fewer."""


class AdjustmentSerializer(StrictSerializer):
    delta = Delta(min_value=-MOST_AT_ONCE, max_value=MOST_AT_ONCE)
    reason = Text(max_length=500)


class Product(Shape):
    """A product as shoppers see it."""

    sku: Sku
    name: str
    price: Amount
    currency: Currency
    available: int


class Stock(Shape):
    """A product as the warehouse sees it: `onHand` is `available` and `reserved` together."""

    sku: Sku
    on_hand: int
    available: int
    reserved: int


class ReservedLine(Shape):
    sku: Sku
    quantity: int


class Shortage(Shape):
    """What was missing, and how many there were."""

    sku: Sku
    requested: int
    available: int


class Reservation(Shape):
    """What is set aside for an order."""

    order_id: OrderId
    status: Annotated[str, one_of(Status)]
    lines: list[ReservedLine]
    missing: list[Shortage]


def represent_product(row: models.Stock) -> Product:
    return Product(
        sku=row.sku,
        name=row.name,
        price=outside(row.price, row.currency),
        currency=row.currency,
        available=row.available,
    )


def represent_stock(row: models.Stock) -> Stock:
    return Stock(sku=row.sku, on_hand=row.on_hand, available=row.available, reserved=row.reserved)


def represent_reservation(row: models.Reservation) -> Reservation:
    shown = {"orderId": row.order_id, "status": row.status, "lines": row.lines, "missing": row.missing}
    return typed.convert(shown, Reservation)
