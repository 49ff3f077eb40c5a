"""The shapes of inventory's requests and answers."""

from typing import Any

from ecommerce.http.parsing import StrictSerializer, Text, WholeNumber
from ecommerce.money import outside
from inventory.models import Reservation, Stock

_MOST_AT_ONCE = 10**9


class AdjustmentSerializer(StrictSerializer):
    delta = WholeNumber(min_value=-_MOST_AT_ONCE, max_value=_MOST_AT_ONCE)
    reason = Text(max_length=500)


def represent_product(row: Stock) -> dict[str, Any]:
    """A product as shoppers see it."""
    return {
        "sku": row.sku,
        "name": row.name,
        "price": outside(row.price, row.currency),
        "currency": row.currency,
        "available": row.available,
    }


def represent_stock(row: Stock) -> dict[str, Any]:
    """A product as the warehouse sees it."""
    return {"sku": row.sku, "onHand": row.on_hand, "available": row.available, "reserved": row.reserved}


def represent_reservation(reservation: Reservation) -> dict[str, Any]:
    """What is set aside for an order."""
    return {
        "orderId": reservation.order_id,
        "status": reservation.status,
        "lines": reservation.lines,
        "missing": reservation.missing,
    }
