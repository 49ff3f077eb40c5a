"""Requests that come again: commands with an Idempotency-Key, and polls with the tag of what is known already."""

from typing import Any

import pytest

from ecommerce.registry import engine
from orders.events import CancelledBy
from orders.messages import CancelOrder
from tests.integration.people import ORDER, ORDERS, Person, customer, everything_in, problem_of
from tests.integration.saga import Saga

pytestmark = pytest.mark.usefixtures("module_databases")
ADJUST = "/api/v1/stock/CUP/adjustments"


@pytest.fixture(scope="module")
def bob(shop: None) -> Person:
    return customer("bob")


def again(who: Person, path: str, body: Any, other: Any, *, service: str) -> None:
    """The same command twice is one, and says so; the same key with another body is refused."""
    first = who.post(path, body, key=path)
    assert first.status_code in (201, 202), first.content
    assert "Idempotency-Replayed" not in first
    stored = everything_in(service)
    second = who.post(path, body, key=path)
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second["Idempotency-Replayed"] == "true"
    assert problem_of(who.post(path, other, key=path)) == (422, "/problems/key-reused", [])
    assert everything_in(service) == stored


def test_an_order(alice: Person) -> None:
    again(alice, ORDERS, ORDER, ORDER | {"paymentMethod": "tok_declined"}, service="orders")


def test_an_adjustment(worker: Person) -> None:
    body = {"delta": 3, "reason": "came in"}
    again(worker, ADJUST, body, body | {"delta": 4}, service="inventory")


def test_a_cancellation_by_its_customer_whose_words_are_sealed(alice: Person) -> None:
    path = f"{ORDERS}/{alice.order()}/cancel"
    again(alice, path, {"reason": "too late"}, {"reason": "too dear"}, service="orders")


def test_a_cancellation_by_staff(alice: Person, worker: Person) -> None:
    path = f"{ORDERS}/{alice.order()}/cancel"
    again(worker, path, {"reason": "out of stock"}, {}, service="orders")


def test_what_its_own_effect_would_refuse_now(alice: Person, worker: Person) -> None:
    saga = Saga()
    order_id = alice.order()
    saga.settle()
    path = f"/api/v1/payments/{order_id}/refund"
    assert worker.post(path, {"reason": "broken"}, key="lost").status_code == 202
    saga.settle()
    again = worker.post(path, {"reason": "broken"}, key="lost")  # whoever sent it never got the first answer
    assert (again.status_code, again["Idempotency-Replayed"], again.json()["status"]) == (202, "true", "REFUNDED")
    assert problem_of(worker.post(path, {"reason": "late"}, key="lost")) == (422, "/problems/key-reused", [])
    assert problem_of(worker.post(path, {"reason": "broken"})) == (409, "/problems/already-refunded", [])


def test_a_refund(alice: Person, worker: Person) -> None:
    saga = Saga()
    order_id = alice.order()
    saga.settle()
    again(worker, f"/api/v1/payments/{order_id}/refund", {"reason": "broken"}, {"reason": "late"}, service="payments")


def test_whoever_has_an_order_already_gets_it_again_only_when_it_has_changed(alice: Person) -> None:
    order_id = alice.order()
    first = alice.get(f"{ORDERS}/{order_id}")
    tag = first["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = alice.get(f"{ORDERS}/{order_id}", known=known)
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    assert alice.get(f"{ORDERS}/{order_id}", known='"other"').content == first.content
    engine("orders").execute(CancelOrder(order_id=order_id, by=CancelledBy.STAFF), id=f"cancel-{order_id}")
    changed = alice.get(f"{ORDERS}/{order_id}", known=tag)
    assert changed.status_code == 200
    assert changed["ETag"] != tag


def test_a_tag_opens_no_order_of_somebody_else(alice: Person, bob: Person) -> None:
    order_id = alice.order()
    tag = alice.get(f"{ORDERS}/{order_id}")["ETag"]
    assert bob.get(f"{ORDERS}/{order_id}", known=tag).status_code == 404
    assert bob.get(f"{ORDERS}/{order_id}", {"wait": "5"}, known="*").status_code == 404


@pytest.mark.parametrize("wait", ["", "-1", "31", "1.5", "soon", "٣", "100000"])
def test_a_wait_is_0_to_30_seconds(alice: Person, wait: str) -> None:
    answer = alice.get(f"{ORDERS}/{alice.order()}", {"wait": wait})
    assert problem_of(answer) == (400, "/problems/validation", ["wait"])
