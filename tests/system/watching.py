"""Placing orders, and waiting for what becomes of them."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from ecommerce.demo import BRANCHES, Placed, Shop
from tests.waiting import until

PLAIN, MANY = BRANCHES[0], BRANCHES[1]
BODY: dict[str, Any] = {
    "items": [{"sku": "SKU-003", "quantity": 1}],
    "paymentMethod": "tok_visa",
    "shippingAddress": {"name": "A", "line1": "B", "city": "C", "postalCode": "1", "country": "DE"},
}


def ended(shop: Shop, placed: list[Placed]) -> None:
    until("all orders to have ended", lambda: all(one.look(shop) for one in placed), seconds=90)


def place(shop: Shop, count: int, body: dict[str, Any] = BODY) -> list[Placed]:
    return [Placed(MANY, shop.call("POST", "orders", body=body, expect=201)["orderId"]) for _ in range(count)]


def audited() -> str:
    """The audit's last line; fails, with all of it, on a violation. And the logs fold to what is stored."""
    said = StringIO()
    try:
        call_command("audit", stdout=said)
        call_command("rebuild", stdout=said)
    except SystemExit:
        pytest.fail(said.getvalue())
    return said.getvalue()
