"""An order's page tells its whole saga, and where it waits; the list finds it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from ecommerce import identity
from ecommerce.saga import COMPENSATIONS
from orders.models import Order
from payments.models import DeadLetter
from tests.integration.clerks import clerk, page, text
from tests.integration.parking import Feed
from tests.integration.saga import Saga

ALL = ("orders.view_order", "inventory.view_reservation", "payments.view_payment", "shipping.view_shipment")


@pytest.fixture
def saga(databases: None) -> Saga:
    saga = Saga()
    saga.stock()
    return saga


@pytest.fixture
def support(saga: Saga) -> Client:
    return clerk("nell", *ALL, "payments.view_deadletter")


def told(html: str) -> list[list[str]]:
    """The rows of the saga's table, as plain text."""
    table = html[html.index("Caused by") :]
    rows = re.findall(r"<tr class=\"data-row.*?</tr>", table, re.DOTALL)
    cells = [re.findall(r"<td.*?>(.*?)</td>", row, re.DOTALL) for row in rows]
    return [[" ".join(re.sub("<[^>]*>", " ", cell).split()) for cell in row] for row in cells]


def test_the_timeline_has_each_step_once_after_its_cause(saga: Saga, support: Client) -> None:
    saga.place("order-1")
    saga.settle()
    rows = told(text(support, page(Order, "change", "order-1")))
    steps = [(service, what, cause) for _, service, what, cause, *_ in rows]
    assert steps[:4] == [
        ("orders", "PlaceOrder", "-"),
        ("orders", "OrderCreated", "PlaceOrder"),
        ("inventory", "InventoryReserved", "OrderCreated"),
        ("payments", "AuthorizationRequested", "InventoryReserved"),
    ]
    assert steps[-1][:2] == ("orders", "OrderCompleted")
    assert len(steps) == len(set(steps))
    created = next(row for row in rows if row[2] == "OrderCreated")
    assert [taker.split()[0] for taker in created[5].split(", ")] == ["inventory", "payments", "shipping"]


def test_compensations_are_marked_and_who_wanted_them_is_said(saga: Saga, support: Client) -> None:
    saga.place("order-1")
    saga.deliver()
    saga.cancel("order-1")
    saga.settle()
    rows = told(text(support, page(Order, "change", "order-1")))
    marked = {what.split()[0] for _, _, what, *_ in rows if "compensation" in what}
    assert marked == {"ShipmentCancelled", "InventoryReleased", "VoidRequested", "PaymentVoided", "OrderCancelled"}
    assert marked <= COMPENSATIONS
    assert [row[4] for row in rows if row[2] == "OrderCancellationRequested"] == ["CUSTOMER"]


def test_the_page_tells_what_an_order_waits_for(saga: Saga, support: Client) -> None:
    saga.place("order-1")
    url = page(Order, "change", "order-1")
    assert "has not got OrderCreated of orders yet" in text(support, url)
    while saga.deliver():
        pass
    assert "asks the outside world: AUTHORIZE" in text(support, url)
    saga.settle()
    assert "It waits for nothing" in text(support, url)


def test_a_dead_letter_is_named_with_its_error_and_leads_to_its_page(saga: Saga, support: Client) -> None:
    from tests.integration.parking import created, reserved

    feed = Feed(saga.engines["payments"])
    saga.place("order-1")
    bad = feed.spoil(created("order-1"))
    feed.give(reserved("order-1"))
    html = text(support, page(Order, "change", "order-1"))
    assert "cannot take OrderCreated: Undecodable" in html
    assert "1 later messages wait behind that" in html
    assert page(DeadLetter, "change", bad) in html
    assert "has not got InventoryReserved" not in html
    blind = clerk("fred", *ALL)
    assert page(DeadLetter, "change", bad) not in text(blind, page(Order, "change", "order-1"))


def test_what_a_service_did_is_shown_to_those_who_may_see_its_page(saga: Saga) -> None:
    saga.place("order-1")
    saga.settle()
    picker = clerk("paul", "orders.view_order", "inventory.view_reservation", "shipping.view_shipment")
    html = text(picker, page(Order, "change", "order-1"))
    assert {row[1] for row in told(html)} == {"orders", "inventory", "shipping"}
    assert "PaymentAuthorized" not in " ".join(what for _, _, what, *_ in told(html))
    assert "Not shown to you: what payments did" in html
    assert "/admin/payments/" not in html


@pytest.mark.parametrize("sought", ["order-2", "alice", "MUG"])
def test_orders_are_found_by_their_id_their_customer_and_their_products(
    saga: Saga, support: Client, sought: str
) -> None:
    saga.stock("MUG")
    saga.place("order-1")
    saga.place("order-2", sku="MUG")
    Order.objects.filter(pk="order-1").update(customer_id="bob")
    html = text(support, page(Order, "changelist"), {"q": sought})
    assert ("order-2</a>" in html, "order-1</a>" in html) == (True, False)
    assert "order-2</a>" not in text(support, page(Order, "changelist"), {"q": "order"})


def test_a_customer_is_found_by_name(saga: Saga, support: Client) -> None:
    from ecommerce.platform.models import User

    saga.place("order-1")
    ann = User.objects.create_user("ann", password="x")
    Order.objects.filter(pk="order-1").update(customer_id=ann.pk)
    assert "order-1</a>" in text(support, page(Order, "changelist"), {"q": "ann"})


@pytest.mark.parametrize(
    ("needs", "change"),
    [
        ("overdue", {"created_at": identity.now() - timedelta(hours=1)}),
        ("attention", {"attention": "CAPTURE_FAILED"}),
        ("held", {"parked": 1}),
    ],
)
def test_orders_that_need_a_person_are_filtered(
    saga: Saga, support: Client, needs: str, change: dict[str, Any]
) -> None:
    for order_id in ("order-1", "order-2"):
        saga.place(order_id)
    Order.objects.filter(pk="order-1").update(**change)
    html = text(support, page(Order, "changelist"), {"needs": needs})
    assert ("order-1</a>" in html, "order-2</a>" in html) == (True, False)
    assert "order-1</a>" in text(support, page(Order, "changelist"), {"status": "PENDING", "needs": needs})
    assert "order-1</a>" not in text(support, page(Order, "changelist"), {"status": "PAID"})
