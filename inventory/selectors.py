"""What is read of inventory."""

from datetime import datetime
from typing import NamedTuple

from ecommerce import storage
from ecommerce.messages import decode
from ecommerce.registry import engine
from inventory.messages import AdjustStock
from inventory.models import Reservation, Stock

_MOST_PRODUCTS = 1000


def products() -> list[Stock]:
    """What is on sale, by sku."""
    return list(Stock.objects.filter(revision__gt=0).order_by("pk")[:_MOST_PRODUCTS])


def stock(sku: str) -> Stock | None:
    """A product's stock, if there is such a product."""
    return Stock.objects.filter(pk=sku, revision__gt=0).first()


def reservation(order_id: str) -> Reservation | None:
    """What is set aside for an order."""
    return Reservation.objects.filter(pk=order_id).first()


class Movement(NamedTuple):
    """That staff changed a product's stock by `delta` pieces."""

    at: datetime
    delta: int
    by: str
    reason: str


def movements(sku: str) -> list[Movement]:
    """What staff did to a product's stock, in order. What orders take is in their reservations."""
    entries = storage.history(engine("inventory").database, sku)
    adjustments = ((e["at"], decode(e["data"], AdjustStock).payload) for e in entries if e["type"] == "AdjustStock")
    return [Movement(at, each.delta, each.by, each.reason) for at, each in adjustments]
