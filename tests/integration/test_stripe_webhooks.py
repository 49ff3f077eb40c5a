"""Stripe's webhooks: only signed ones count, each takes effect once, and none takes the task's answer away."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from stripe import WebhookSignature

from ecommerce import identity, storage
from ecommerce.messages import Message
from ecommerce.outside import Outside
from ecommerce.registry import engine
from ecommerce.vault import vault
from inventory.events import InventoryReserved
from orders.events import CancelledBy, Item, OrderCreated, Sealed
from payments import selectors, tasks
from payments.domain import Pending, Status
from payments.messages import RefundPayment
from payments.stripe.gateway import StripeGateway
from shipping.events import OrderShipped, ShipmentCancelled
from tests.integration.people import everything_in, problem_of
from tests.stripe_server import StripeServer, hang_after

PATH = "/api/v1/webhooks/stripe"
SECRET = "whsec_of_the_tests"

pytestmark = pytest.mark.usefixtures("databases")


@pytest.fixture
def stripe(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeServer]:
    settings.PAYMENT_GATEWAY, settings.STRIPE_WEBHOOK_SECRET = "stripe", SECRET
    with StripeServer() as server:
        gateway = StripeGateway(Outside("stripe", server.url, timeout=1), api_key="sk_test_of_the_tests")
        monkeypatch.setattr(tasks, "gateway", lambda: gateway)
        yield server


@pytest.fixture
def order(stripe: StripeServer) -> str:
    """An order whose money is to be held, and has not been asked for."""
    order, customer = identity.new_id(), identity.new_id()
    key = vault().key_of(customer)
    token = vault().seal(key, "pm_card_visa", context=f"{order}:payment")
    created = OrderCreated(
        order_id=order,
        customer_id=customer,
        items=(Item(sku="CUP", quantity=1, unit_price=1999),),
        total_amount=1999,
        currency="USD",
        sealed=Sealed(key_id=key, address="A", payment_token=token),
    )
    take(created, InventoryReserved(order_id=order, lines=()))
    return order


def take(*facts: Message) -> None:
    payments = engine("payments")
    payments.take([payments.input(fact, id=identity.new_id()) for fact in facts])


def log(order: str) -> list[str]:
    """The types of the log's entries, in order, without those that made the order."""
    return [entry["type"] for entry in storage.history(engine("payments").database, order)][3:]


def payment(order: str) -> tuple[Status, Pending]:
    state = selectors.state(order)
    assert state
    return state.status, state.pending


def event(type: str, about: dict[str, Any]) -> bytes:
    return json.dumps({"id": "evt_1", "object": "event", "type": type, "data": {"object": about}}).encode()


def send(body: bytes, *, signature: str | None = "", type: str = "application/json") -> Any:
    headers = {} if signature is None else {"stripe-signature": signature or sign(body)}
    return Client(raise_request_exception=False).generic("POST", PATH, body, content_type=type, headers=headers)


def sign(body: bytes, *, secret: str = SECRET, at: float | None = None) -> str:
    return WebhookSignature.generate_signature_header(body.decode(), secret, int(at or time.time()))


def taken(type: str, about: dict[str, Any]) -> None:
    answer = send(event(type, about))
    assert (answer.status_code, answer.json()) == (200, {"received": True})


def held(stripe: StripeServer, order: str) -> dict[str, Any]:
    """The intent after an authorisation whose answer got lost."""
    stripe.fail("/confirm", hang_after)
    tasks.authorize([order])
    return stripe.intents["pi_1"]


HELD = ["ChargeAuthorized", "PaymentAuthorized"]


def test_a_webhook_before_the_tasks_answer_is_the_answer_and_the_tasks_one_is_dropped(
    stripe: StripeServer, order: str
) -> None:
    intent = held(stripe, order)
    assert payment(order) == (Status.PENDING, Pending.AUTHORIZE)
    asked = selectors.asked([order], Pending.AUTHORIZE)
    taken("payment_intent.amount_capturable_updated", intent)
    assert (payment(order), log(order)) == ((Status.AUTHORIZED, Pending.NOTHING), HELD)
    # A task that asked before, and hears it only now.
    tasks._ask(asked, tasks.gateway().authorize([tasks._authorization(asked[0])]), tasks._authorized)
    assert log(order) == HELD


def test_a_webhook_after_the_tasks_answer_changes_nothing(stripe: StripeServer, order: str) -> None:
    tasks.authorize([order])
    assert log(order) == HELD
    before = everything_in("payments")
    taken("payment_intent.amount_capturable_updated", stripe.intents["pi_1"])
    assert everything_in("payments") == before


def test_the_same_webhook_twice_takes_effect_once(stripe: StripeServer, order: str) -> None:
    intent = held(stripe, order)
    body = event("payment_intent.amount_capturable_updated", intent)
    assert [send(body).status_code for _ in range(2)] == [200, 200]
    assert log(order) == HELD


def test_webhooks_alone_bring_a_payment_to_its_end(stripe: StripeServer, order: str) -> None:
    taken("payment_intent.amount_capturable_updated", held(stripe, order))
    take(OrderShipped(order_id=order, carrier="sandbox", tracking_number="T1"))
    stripe.fail("/capture", hang_after)
    tasks.capture([order])
    assert payment(order) == (Status.AUTHORIZED, Pending.CAPTURE)
    taken("payment_intent.succeeded", stripe.intents["pi_1"])
    assert payment(order) == (Status.CAPTURED, Pending.NOTHING)
    engine("payments").execute(RefundPayment(order_id=order, reason="broken", by="staff"), id="refund")
    stripe.fail("/refunds", hang_after)
    tasks.refund([order])
    assert payment(order) == (Status.CAPTURED, Pending.REFUND)
    charge = stripe.intents["pi_1"]["latest_charge"]
    taken("charge.refunded", charge | {"payment_intent": "pi_1", "metadata": {"order_id": order}})
    assert payment(order) == (Status.REFUNDED, Pending.NOTHING)


def test_a_declined_card_may_be_heard_of_by_webhook(stripe: StripeServer, order: str) -> None:
    failure = {"code": "card_declined", "decline_code": "insufficient_funds"}
    about = {"status": "requires_payment_method", "last_payment_error": failure, "latest_charge": "ch_1"}
    taken("payment_intent.payment_failed", held(stripe, order) | about)
    assert payment(order) == (Status.FAILED, Pending.NOTHING)
    assert log(order) == ["ChargeDeclined", "PaymentFailed"]
    assert selectors.state(order).failure == "INSUFFICIENT_FUNDS"  # type: ignore[union-attr]


def cancelling(order: str) -> None:
    take(ShipmentCancelled(order_id=order, reason=CancelledBy.TIMEOUT))


def test_a_cancelled_hold_may_be_heard_of_by_webhook(stripe: StripeServer, order: str) -> None:
    tasks.authorize([order])
    cancelling(order)
    taken("payment_intent.canceled", stripe.intents["pi_1"] | {"status": "canceled"})
    assert payment(order) == (Status.VOIDED, Pending.NOTHING)


def test_a_webhook_that_came_before_its_question_does_not_take_the_tasks_answer_away(
    stripe: StripeServer, order: str
) -> None:
    tasks.authorize([order])
    before = everything_in("payments")
    stripe.cancel("pi_1")
    taken("payment_intent.canceled", stripe.intents["pi_1"])
    assert everything_in("payments") == before
    cancelling(order)
    tasks.void([order])
    assert payment(order) == (Status.VOIDED, Pending.NOTHING)


def test_the_end_of_an_intent_that_is_not_known_to_hold_the_money_ends_no_void(
    stripe: StripeServer, order: str
) -> None:
    intent = held(stripe, order)
    cancelling(order)
    taken("payment_intent.canceled", intent | {"status": "canceled", "id": "pi_other"})
    taken("payment_intent.canceled", intent | {"status": "canceled"})
    assert payment(order) == (Status.PENDING, Pending.VOID)
    tasks.void([order])
    assert (payment(order), stripe.statuses()) == ((Status.VOIDED, Pending.NOTHING), ["canceled"])


def test_what_is_of_no_interest_or_about_nothing_known_is_received_and_changes_nothing(
    stripe: StripeServer, order: str
) -> None:
    intent = held(stripe, order)
    before = everything_in("payments")
    taken("customer.created", {"id": "cus_1", "object": "customer"})
    taken("payment_intent.created", intent)
    taken("payment_intent.succeeded", intent | {"status": "succeeded"})
    taken("payment_intent.amount_capturable_updated", intent | {"metadata": {}})
    taken("payment_intent.amount_capturable_updated", intent | {"metadata": {"order_id": identity.new_id()}})
    taken("charge.refunded", {"id": "ch_1", "status": "succeeded", "amount": 1999, "metadata": {"order_id": order}})
    assert everything_in("payments") == before


def signatures(body: bytes) -> list[str | None]:
    now = int(time.time())
    return [
        None,
        "nonsense",
        f"t={now}",
        f"t={now},v1=é",
        f"t={now},v1=" + "0" * 64,
        f"t={'9' * 5000},v1=" + "0" * 64,
        sign(body, secret="whsec_of_another"),
        sign(b"{}"),
        sign(body, at=now - 301),
    ]


def test_a_bad_old_or_absent_signature_is_refused_and_changes_nothing(stripe: StripeServer, order: str) -> None:
    body = event("payment_intent.amount_capturable_updated", held(stripe, order))
    before = everything_in("payments")
    for signature in signatures(body):
        assert problem_of(send(body, signature=signature)) == (400, "/problems/bad-signature", [])
    assert problem_of(send(b"\xff", signature=sign(body))) == (400, "/problems/bad-signature", [])
    assert problem_of(send(b"", signature=None)) == (400, "/problems/bad-signature", [])
    assert everything_in("payments") == before
    assert send(body, signature=sign(body, at=time.time() - 200)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"\xc3\xa9"',
        b"[" * 100_000,
        b'{"type": 5}',
        b'{"type": "payment_intent.canceled", "data": {"object": {"id": "pi_1"}}}',
    ],
)
def test_a_signed_body_that_is_no_event_is_refused(stripe: StripeServer, body: bytes) -> None:
    assert problem_of(send(body, signature=sign(body))) == (400, "/problems/malformed", [])


def test_a_body_of_more_than_a_megabyte_or_of_another_type_is_refused(stripe: StripeServer) -> None:
    assert problem_of(send(b" " * 1_000_001))[:2] == (413, "/problems/too-large")
    assert problem_of(send(b"{}", type="text/plain"))[0] == 415


def test_while_mongo_fails_stripe_is_asked_to_come_again(stripe: StripeServer, order: str) -> None:
    body = event("payment_intent.amount_capturable_updated", held(stripe, order))
    database = connections["payments"].database.client.admin
    fail = {"failCommands": ["find"], "errorCode": 96}
    database.command({"configureFailPoint": "failCommand", "mode": {"times": 1}, "data": fail})
    assert problem_of(send(body))[:2] == (503, "/problems/unavailable")
    assert send(body).status_code == 200
    assert log(order) == HELD


def test_with_the_sandbox_there_is_no_such_place() -> None:
    assert problem_of(send(b"{}"))[:2] == (404, "/problems/not-found")
