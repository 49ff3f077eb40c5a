"""The Stripe gateway against a server that remembers, declines, hangs and breaks as Stripe's API may."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from ecommerce.batches import Unknown
from ecommerce.outside import CLOSED, OPEN, Outside
from payments.gateway import (
    Absent,
    Authorize,
    Authorized,
    Capture,
    Captured,
    CaptureDeclined,
    Declined,
    Gateway,
    Lookup,
    Refund,
    Refunded,
    Refused,
    Void,
    Voided,
)
from payments.stripe.gateway import StripeGateway
from tests.stripe_server import Says, StripeServer, drop_after, hang_after, hang_before

KEY = "sk_test_of_the_tests"


@pytest.fixture
def stripe() -> Iterator[StripeServer]:
    with StripeServer() as server:
        yield server


def client(stripe: StripeServer, **options: Any) -> StripeGateway:
    return StripeGateway(Outside("stripe", stripe.url, **options), api_key=KEY)


@pytest.fixture
def gateway(stripe: StripeServer) -> StripeGateway:
    return client(stripe)


@pytest.fixture
def order() -> str:
    return str(uuid4())


def authorize(gateway: Gateway, order: str, token: str = "pm_card_visa", amount: int = 1999) -> Any:
    return gateway.authorize([Authorize(order=order, amount=amount, currency="USD", token=token)])[0]


def capture(gateway: Gateway, order: str, charge: str) -> Any:
    return gateway.capture([Capture(order=order, amount=1999, currency="USD", charge=charge)])[0]


def void(gateway: Gateway, order: str, charge: str = "") -> Any:
    return gateway.void([Void(order=order, amount=1999, currency="USD", charge=charge)])[0]


def refund(gateway: Gateway, order: str, charge: str) -> Any:
    return gateway.refund([Refund(order=order, amount=1999, currency="USD", charge=charge)])[0]


def lookup(gateway: Gateway, order: str, charge: str = "") -> Any:
    return gateway.lookup([Lookup(order=order, amount=1999, currency="USD", charge=charge)])[0]


def test_a_charge_is_authorised_captured_and_refunded_once_however_often_it_is_asked(
    stripe: StripeServer, gateway: StripeGateway, order: str
) -> None:
    assert authorize(gateway, order) == authorize(gateway, order) == Authorized(charge="pi_1", amount=1999)
    assert lookup(gateway, order, "pi_1") == Authorized(charge="pi_1", amount=1999)
    assert [capture(gateway, order, "pi_1") for _ in range(2)] == [Captured(charge="pi_1", amount=1999)] * 2
    assert authorize(gateway, order) == Authorized(charge="pi_1", amount=1999)
    assert lookup(gateway, order, "pi_1") == Captured(charge="pi_1", amount=1999)
    assert [refund(gateway, order, "pi_1") for _ in range(2)] == [Refunded(amount=1999)] * 2
    stripe.forget_keys()
    assert refund(gateway, order, "pi_1") == Refunded(amount=1999)
    assert lookup(gateway, order, "pi_1") == Refunded(amount=1999)
    assert stripe.statuses() == ["succeeded"]


def test_what_stripe_is_sent_names_the_order_and_holds_the_money_only(
    stripe: StripeServer, gateway: StripeGateway, order: str
) -> None:
    authorize(gateway, order)
    made, confirmed = stripe.asked
    assert made.form == {
        "amount": "1999",
        "currency": "usd",
        "capture_method": "manual",
        "payment_method_types[0]": "card",
        "metadata[order_id]": order,
    }
    assert confirmed.form == {"payment_method": "pm_card_visa", "error_on_requires_action": "true"}
    assert [made.key, confirmed.key] == [f"{order}:create", f"{order}:confirm"]


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("pm_declined", "CARD_DECLINED"),
        ("pm_poor", "INSUFFICIENT_FUNDS"),
        ("pm_3ds", "AUTHENTICATION_REQUIRED"),
        ("pm_nobody", "INVALID_TOKEN"),
    ],
)
def test_a_declined_card_stays_declined_and_its_intent_is_ended(
    stripe: StripeServer, gateway: StripeGateway, order: str, token: str, reason: str
) -> None:
    assert authorize(gateway, order, token) == Declined(reason=reason)
    assert stripe.statuses() == ["canceled"]
    again = authorize(gateway, order, token)
    assert again == (Refused(reason="VOIDED") if token == "pm_nobody" else Declined(reason=reason))
    assert void(gateway, order) == Voided(amount=0)


def test_a_hanging_answer_is_unknown_at_the_time_limit_and_its_repetition_finds_the_one_intent(
    stripe: StripeServer, order: str
) -> None:
    gateway = client(stripe, timeout=0.5)
    stripe.fail("/payment_intents", hang_after)
    stripe.fail("/confirm", hang_after)
    outcomes = [authorize(gateway, order) for _ in range(3)]
    hung = Unknown(detail="stripe: ReadTimeout timed out")
    assert outcomes == [hung, hung, Authorized(charge="pi_1", amount=1999)]
    assert stripe.statuses() == ["requires_capture"]
    assert set(stripe.keys("/payment_intents")) == {f"{order}:create"}
    assert stripe.keys("/confirm") == [f"{order}:confirm"] * 2


@pytest.mark.parametrize(("lost", "held"), [("/payment_intents", 0), ("/confirm", 1999)])
def test_a_void_after_a_lost_answer_cancels_the_very_intent(
    stripe: StripeServer, gateway: StripeGateway, order: str, lost: str, held: int
) -> None:
    stripe.fail(lost, hang_after)
    assert isinstance(authorize(client(stripe, timeout=0.5), order), Unknown)
    assert void(gateway, order) == void(gateway, order) == Voided(amount=held)
    assert stripe.statuses() == ["canceled"]


@pytest.mark.parametrize("late", ["/payment_intents", "/confirm"])
def test_an_authorisation_that_arrives_after_the_void_holds_nothing(
    stripe: StripeServer, gateway: StripeGateway, order: str, late: str
) -> None:
    stripe.fail(late, hang_before)
    assert isinstance(authorize(client(stripe, timeout=0.5), order), Unknown)
    assert void(gateway, order) == Voided(amount=0)
    for request in stripe.late:
        request()
    assert authorize(gateway, order) == Refused(reason="VOIDED")
    assert stripe.statuses() == ["canceled"]


def test_a_void_of_an_authorised_charge_is_final_whatever_stripe_still_remembers(
    stripe: StripeServer, gateway: StripeGateway, order: str
) -> None:
    authorize(gateway, order)
    assert void(gateway, order, "pi_1") == Voided(amount=1999)
    assert authorize(gateway, order) == Refused(reason="VOIDED")
    assert capture(gateway, order, "pi_1") == Refused(reason="VOIDED")
    assert refund(gateway, order, "pi_1") == Refused(reason="NOT_CAPTURED")
    assert lookup(gateway, order, "pi_1") == Voided(amount=1999)


def test_a_void_finds_an_intent_whose_key_stripe_has_forgotten_by_its_search(stripe: StripeServer, order: str) -> None:
    gateway = client(stripe, timeout=0.5)
    stripe.fail("/confirm", hang_after)
    assert isinstance(authorize(gateway, order), Unknown)
    stripe.forget_keys()
    stripe.indexed.add("pi_1")
    assert lookup(gateway, order) == Authorized(charge="pi_1", amount=1999)
    assert void(gateway, order) == Voided(amount=1999)
    assert stripe.statuses() == ["canceled", "canceled"]


def test_a_void_that_does_not_reach_every_intent_is_unknown(stripe: StripeServer, order: str) -> None:
    gateway = client(stripe, attempts=1)
    authorize(gateway, order)
    stripe.fail("/cancel", Says(503))
    assert void(gateway, order) == Unknown(detail="stripe answered 503")
    stripe.fail("/search", Says(503))
    assert void(gateway, order) == Unknown(detail="stripe answered 503")
    assert stripe.statuses() == ["requires_capture"]


def test_a_void_of_an_intent_that_cannot_be_cancelled_now_is_unknown(
    stripe: StripeServer, gateway: StripeGateway, order: str
) -> None:
    authorize(gateway, order)
    stripe.intents["pi_1"]["status"] = "processing"
    assert void(gateway, order, "pi_1") == Unknown(detail="the intent is processing")


def test_a_captured_charge_is_not_voided_and_an_absent_one_not_found(
    stripe: StripeServer, gateway: StripeGateway, order: str
) -> None:
    authorize(gateway, order)
    capture(gateway, order, "pi_1")
    assert void(gateway, order, "pi_1") == Refused(reason="CAPTURED")
    assert lookup(gateway, str(uuid4())) == Absent()
    assert stripe.statuses() == ["succeeded"]


def test_a_capture_that_was_refused_is_asked_anew_and_may_succeed(
    stripe: StripeServer, gateway: StripeGateway, order: str
) -> None:
    authorize(gateway, order)
    stripe.capture_failures = 2
    refused = CaptureDeclined(reason="EXPIRED_CARD")
    outcomes = [capture(gateway, order, "pi_1") for _ in range(3)]
    assert outcomes == [refused, refused, Captured(charge="pi_1", amount=1999)]


def test_a_refund_that_failed_is_left_to_people(stripe: StripeServer, gateway: StripeGateway, order: str) -> None:
    authorize(gateway, order)
    capture(gateway, order, "pi_1")
    stripe.refund_status = "failed"
    assert refund(gateway, order, "pi_1") == Refused(reason="REFUND_FAILED")


def test_the_same_order_with_another_amount_is_refused(gateway: StripeGateway, order: str) -> None:
    authorize(gateway, order)
    assert authorize(gateway, order, amount=2000) == Refused(reason="KEY_REUSED")


@pytest.mark.parametrize("trouble", [Says(500), Says(503), Says(429), Says(409), drop_after])
def test_what_fails_in_passing_is_asked_again_under_the_same_key(
    stripe: StripeServer, gateway: StripeGateway, order: str, trouble: Any
) -> None:
    stripe.fail("/payment_intents", trouble)
    stripe.fail("/confirm", trouble)
    assert authorize(gateway, order) == Authorized(charge="pi_1", amount=1999)
    assert stripe.keys("/payment_intents") == [f"{order}:create"] * 2
    assert stripe.keys("/confirm") == [f"{order}:confirm"] * 2
    assert stripe.statuses() == ["requires_capture"]


def test_the_waits_between_the_requests_are_drawn_from_zero_to_a_bound_that_doubles(
    stripe: StripeServer, gateway: StripeGateway, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds: list[tuple[float, float]] = []
    monkeypatch.setattr(random, "uniform", lambda least, most: bounds.append((least, most)) or 0.0)
    stripe.fail("/payment_intents", Says(503), Says(503))
    assert isinstance(authorize(gateway, order), Authorized)
    assert bounds == [(0, 0.1), (0, 0.2)]


def test_the_sdk_does_not_ask_again_by_itself(stripe: StripeServer, gateway: StripeGateway, order: str) -> None:
    stripe.fail("/payment_intents", Says(400, {"Stripe-Should-Retry": "true"}, b'{"error": {}}'))
    assert isinstance(authorize(gateway, order), Unknown)
    assert len(stripe.asked) == 1


def test_stripe_may_say_that_another_request_is_no_use(
    stripe: StripeServer, gateway: StripeGateway, order: str
) -> None:
    stripe.fail("/payment_intents", Says(500, {"Stripe-Should-Retry": "false"}))
    assert authorize(gateway, order) == Unknown(detail="stripe answered 500")
    assert len(stripe.asked) == 1


@pytest.mark.parametrize("trouble", [Says(503), drop_after])
def test_the_breaker_opens_on_a_broken_stripe_and_closes_when_it_is_back(
    stripe: StripeServer, order: str, monkeypatch: pytest.MonkeyPatch, trouble: Any
) -> None:
    monkeypatch.setattr(random, "uniform", lambda least, most: 0.0)
    gateway = client(stripe, attempts=2, failures=4, reset_seconds=0)
    stripe.fail("/payment_intents", *[trouble] * 4)
    assert [type(authorize(gateway, order)) for _ in range(2)] == [Unknown, Unknown]
    assert gateway.outside.breaker.state == OPEN
    assert isinstance(authorize(gateway, order), Authorized)
    assert gateway.outside.breaker.state == CLOSED


def test_an_open_breaker_asks_nothing(stripe: StripeServer, order: str) -> None:
    gateway = client(stripe, attempts=1, failures=1)
    stripe.fail("/payment_intents", Says(503))
    authorize(gateway, order)
    assert authorize(gateway, order) == Unknown(detail="stripe: the circuit breaker is open")
    assert len(stripe.asked) == 1


def test_declined_cards_do_not_open_the_breaker(stripe: StripeServer, order: str) -> None:
    gateway = client(stripe, failures=2)
    for _ in range(5):
        authorize(gateway, order, "pm_declined")
    assert gateway.outside.breaker.state == CLOSED


@pytest.mark.parametrize(
    "nonsense",
    [
        Says(200, body=b"<html>"),
        Says(200, body=b"[]"),
        Says(200, body=b"{}"),
        Says(200, body=b'"ok"'),
        Says(200, body=b"\xff"),
        Says(200, body=b'{"id": 5}'),
        Says(401, body=b'{"error": {"message": "no such key"}}'),
        Says(400, body=b'{"error": "odd"}'),
        Says(402, body=b'{"error": {}}'),
        Says(404, body=b"[]"),
        Says(302, body=b""),
    ],
)
@pytest.mark.parametrize("path", ["/payment_intents", "/confirm"])
def test_an_answer_that_is_not_understood_is_unknown(
    stripe: StripeServer, gateway: StripeGateway, order: str, path: str, nonsense: Says
) -> None:
    stripe.fail(path, nonsense)
    outcome = authorize(gateway, order)
    declined = nonsense.status == 402 and path == "/confirm"
    assert outcome == Declined(reason="CARD_DECLINED") if declined else isinstance(outcome, Unknown), outcome
    assert void(gateway, order) == Voided(amount=0)


@pytest.mark.parametrize("charge", ["pi_of_another_account", "pi/../1", ""])
@pytest.mark.parametrize("operation", [capture, refund])
def test_a_charge_that_stripe_does_not_know_is_unknown_and_no_error(
    gateway: StripeGateway, order: str, operation: Any, charge: str
) -> None:
    assert isinstance(operation(gateway, order, charge), Unknown)


@pytest.mark.parametrize("operation", [lookup, void])
def test_a_charge_of_another_account_is_neither_found_nor_voided(
    gateway: StripeGateway, order: str, operation: Any
) -> None:
    assert isinstance(operation(gateway, order, "pi_of_another_account"), Unknown)


def test_no_line_of_the_log_has_the_cards_token(
    stripe: StripeServer, gateway: StripeGateway, order: str, caplog: pytest.LogCaptureFixture
) -> None:
    stripe.fail("/confirm", Says(400, body=b'{"error": {"message": "No such PaymentMethod: pm_secret", "param": "x"}}'))
    with caplog.at_level("DEBUG"), capture_logs() as lines:
        outcome = authorize(gateway, order, "pm_secret")
    assert isinstance(outcome, Unknown)
    assert [line["event"] for line in lines] == ["stripe_rejected"]
    assert "pm_secret" not in repr((lines, caplog.messages, outcome))


def test_outcomes_come_in_the_sequence_of_the_operations(stripe: StripeServer, gateway: StripeGateway) -> None:
    run = uuid4()
    operations = [
        Authorize(order=f"{run}-{amount}", amount=amount, currency="USD", token="pm_card_visa")
        for amount in range(1, 51)
    ]
    assert [outcome.amount for outcome in gateway.authorize(operations)] == list(range(1, 51))  # type: ignore[union-attr]
    assert gateway.authorize([]) == []


def test_twenty_equal_authorisations_at_once_hold_the_amount_once(
    stripe: StripeServer, gateway: StripeGateway, order: str
) -> None:
    with ThreadPoolExecutor(20) as threads:
        outcomes = list(threads.map(lambda _: authorize(gateway, order), range(20)))
    assert outcomes == [Authorized(charge="pi_1", amount=1999)] * 20
    assert stripe.statuses() == ["requires_capture"]
