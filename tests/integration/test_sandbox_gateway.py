"""The sandbox gateway, a real process, through the client that the payment tasks use."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest

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
    Lookup,
    Movement,
    Refund,
    Refunded,
    Refused,
    SandboxGateway,
    Void,
    Voided,
)
from tests.sandbox import Sandbox

PENDING = Unknown(detail="the operation is pending")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox("gateway", tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    yield running
    running.http.post("/faults", json={})


@pytest.fixture
def gateway(sandbox: Sandbox) -> SandboxGateway:
    return SandboxGateway(Outside("gateway", sandbox.url), wait=0.05)


@pytest.fixture
def order() -> str:
    return str(uuid4())


def authorization(order: str, token: str = "tok_visa", amount: int = 1999) -> Authorize:
    return Authorize(order=order, amount=amount, currency="USD", token=token)


def authorize(gateway: SandboxGateway, order: str, token: str = "tok_visa", amount: int = 1999) -> Any:
    return gateway.authorize([authorization(order, token, amount)])[0]


def capture(gateway: SandboxGateway, order: str) -> Any:
    return gateway.capture([Capture(order=order, amount=1999, currency="USD")])[0]


def void(gateway: SandboxGateway, order: str) -> Any:
    return gateway.void([Void(order=order, amount=1999, currency="USD")])[0]


def refund(gateway: SandboxGateway, order: str) -> Any:
    return gateway.refund([Refund(order=order, amount=1999, currency="USD")])[0]


def lookup(gateway: SandboxGateway, order: str) -> Any:
    return gateway.lookup([Lookup(order=order, amount=1999, currency="USD")])[0]


def test_a_charge_is_authorised_captured_and_refunded_once_however_often_it_is_asked(
    sandbox: Sandbox, gateway: SandboxGateway, order: str
) -> None:
    first = authorize(gateway, order)
    assert first == Authorized(charge=first.charge, amount=1999)
    assert authorize(gateway, order) == first
    assert capture(gateway, order) == capture(gateway, order) == Captured(charge=first.charge, amount=1999)
    assert authorize(gateway, order) == first
    assert refund(gateway, order) == refund(gateway, order) == Refunded(amount=1999)
    assert capture(gateway, order) == Captured(charge=first.charge, amount=1999)
    assert sandbox.movements(order) == [("authorized", 1999), ("captured", 1999), ("refunded", 1999)]


@pytest.mark.parametrize(("token", "reason"), [("tok_declined", "CARD_DECLINED"), ("tok_nobody", "INVALID_TOKEN")])
def test_a_card_that_is_declined_stays_declined_and_holds_nothing(
    sandbox: Sandbox, gateway: SandboxGateway, order: str, token: str, reason: str
) -> None:
    assert authorize(gateway, order, token) == Declined(reason=reason)
    assert authorize(gateway, order) == Declined(reason=reason)
    assert capture(gateway, order) == Refused(reason="NOT_AUTHORIZED")
    assert lookup(gateway, order) == Declined(reason=reason)
    assert sandbox.movements(order) == []
    assert void(gateway, order) == Voided(amount=0)
    assert sandbox.movements(order) == [("voided", 0)]


def test_a_hanging_authorisation_is_unknown_and_holds_nothing(
    sandbox: Sandbox, gateway: SandboxGateway, order: str
) -> None:
    assert authorize(gateway, order, "tok_timeout") == PENDING
    assert lookup(gateway, order) == Absent()
    assert void(gateway, order) == Voided(amount=0)
    assert sandbox.movements(order) == [("voided", 0)]


def test_an_authorisation_that_was_held_before_it_hung_is_found_again(
    sandbox: Sandbox, gateway: SandboxGateway, order: str
) -> None:
    assert authorize(gateway, order, "tok_timeout_charged") == PENDING
    found = lookup(gateway, order)
    assert found == Authorized(charge=found.charge, amount=1999)
    assert authorize(gateway, order, "tok_timeout_charged") == found
    assert void(gateway, order) == Voided(amount=1999)
    assert sandbox.movements(order) == [("authorized", 1999), ("voided", 1999)]


def test_a_hanging_operation_does_not_hold_up_the_others_of_its_batch(gateway: SandboxGateway) -> None:
    orders = [f"{uuid4()}" for _ in range(3)]
    started = time.monotonic()
    hung, *others = gateway.authorize([authorization(orders[0], "tok_timeout"), *map(authorization, orders[1:])])
    assert time.monotonic() - started < 5  # a hang lasts until the client leaves
    assert hung == PENDING
    assert [type(outcome) for outcome in others] == [Authorized, Authorized]


def test_a_hanging_operation_is_waited_for_as_long_as_the_client_says(sandbox: Sandbox, order: str) -> None:
    started = time.monotonic()
    operation = {"order": order, "amount": 1, "currency": "USD", "token": "tok_timeout"}
    assert sandbox.ask("authorize", operation, wait=0.3) == [{"order": order, "status": "pending"}]
    assert time.monotonic() - started >= 0.3


def test_a_flaky_card_fails_twice_then_succeeds(sandbox: Sandbox, order: str) -> None:
    operation = {"order": order, "amount": 5, "currency": "USD", "token": "tok_flaky"}
    statuses = [sandbox.ask("authorize", operation)[0]["status"] for _ in range(4)]
    assert statuses == ["unavailable", "unavailable", "authorized", "authorized"]
    assert sandbox.movements(order) == [("authorized", 5)]


def test_the_client_repeats_what_failed_in_passing_and_only_that(
    sandbox: Sandbox, gateway: SandboxGateway, order: str
) -> None:
    other = str(uuid4())
    outcomes = gateway.authorize([authorization(order, "tok_flaky"), authorization(other, "tok_declined")])
    assert [type(outcome) for outcome in outcomes] == [Authorized, Declined]
    assert sandbox.movements(order) == [("authorized", 1999)]


def test_a_client_without_retries_leaves_a_passing_failure_unknown(sandbox: Sandbox, order: str) -> None:
    gateway = SandboxGateway(Outside("gateway", sandbox.url, attempts=1))
    outcomes = [authorize(gateway, order, "tok_flaky") for _ in range(3)]
    unknown = Unknown(detail="the operation is unavailable")
    assert outcomes[:2] == [unknown, unknown]
    assert isinstance(outcomes[2], Authorized)


def test_a_capture_can_be_declined_twice_before_it_succeeds_and_charges_once(
    sandbox: Sandbox, gateway: SandboxGateway, order: str
) -> None:
    charge = authorize(gateway, order, "tok_capture_fails").charge
    declined, captured = CaptureDeclined(reason="CAPTURE_DECLINED"), Captured(charge=charge, amount=1999)
    assert [capture(gateway, order) for _ in range(4)] == [declined, declined, captured, captured]
    assert sandbox.movements(order) == [("authorized", 1999), ("captured", 1999)]


def test_a_void_is_final_for_an_authorisation_that_arrives_after_it(
    sandbox: Sandbox, gateway: SandboxGateway, order: str
) -> None:
    assert void(gateway, order) == Voided(amount=0)
    assert authorize(gateway, order) == Refused(reason="VOIDED")
    assert capture(gateway, order) == Refused(reason="VOIDED")
    assert sandbox.movements(order) == [("voided", 0)]


def test_a_void_tells_what_was_held_each_time_it_is_asked(
    sandbox: Sandbox, gateway: SandboxGateway, order: str
) -> None:
    authorize(gateway, order)
    assert void(gateway, order) == void(gateway, order) == Voided(amount=1999)
    assert authorize(gateway, order) == Refused(reason="VOIDED")
    assert refund(gateway, order) == Refused(reason="NOT_CAPTURED")
    assert lookup(gateway, order) == Voided(amount=1999)
    assert sandbox.movements(order) == [("authorized", 1999), ("voided", 1999)]


def test_a_captured_charge_is_not_voided_and_an_uncaptured_one_not_refunded(
    sandbox: Sandbox, gateway: SandboxGateway, order: str
) -> None:
    authorize(gateway, order)
    assert refund(gateway, order) == Refused(reason="NOT_CAPTURED")
    capture(gateway, order)
    assert void(gateway, order) == Refused(reason="CAPTURED")
    assert sandbox.movements(order) == [("authorized", 1999), ("captured", 1999)]
    refund(gateway, order)
    assert void(gateway, order) == Refused(reason="CAPTURED")
    assert lookup(gateway, order) == Refunded(amount=1999)


def test_the_same_order_with_another_amount_is_refused(sandbox: Sandbox, gateway: SandboxGateway, order: str) -> None:
    authorize(gateway, order)
    assert authorize(gateway, order, amount=2000) == Refused(reason="KEY_REUSED")
    assert sandbox.movements(order) == [("authorized", 1999)]


def test_fifty_equal_authorisations_at_once_hold_the_amount_once(
    sandbox: Sandbox, gateway: SandboxGateway, order: str
) -> None:
    with ThreadPoolExecutor(50) as threads:
        outcomes = list(threads.map(lambda _: authorize(gateway, order), range(50)))
    assert outcomes == [Authorized(charge=outcomes[0].charge, amount=1999)] * 50
    assert sandbox.movements(order) == [("authorized", 1999)]


def test_more_operations_than_fit_a_request_are_all_answered_in_their_sequence(gateway: SandboxGateway) -> None:
    run = uuid4()
    operations = [authorization(f"{run}-{number}", amount=number + 1) for number in range(1101)]
    assert [outcome.amount for outcome in gateway.authorize(operations)] == list(range(1, 1102))  # type: ignore[union-attr]


def test_a_wrong_operation_fails_alone(gateway: SandboxGateway) -> None:
    operations = [authorization(str(uuid4()), amount=amount) for amount in (1, 2, -3, 4, 5)]
    outcomes = gateway.authorize(operations)
    assert [type(outcome) for outcome in outcomes] == [Authorized, Authorized, Unknown, Authorized, Authorized]
    assert "Expected `int` >= 1" in outcomes[2].detail  # type: ignore[union-attr]


def test_the_ledger_is_read_page_by_page(tmp_path: Path) -> None:
    with Sandbox("gateway", tmp_path) as sandbox:
        gateway = SandboxGateway(Outside("gateway", sandbox.url))
        gateway.authorize([authorization(f"order-{number}") for number in range(2500)])
        movements = list(gateway.movements())
        page = sandbox.http.get("/ledger", params={"after": 2, "limit": 2}).json()
    assert [movement.order for movement in movements] == [f"order-{number}" for number in range(2500)]
    assert {type(movement) for movement in movements} == {Movement}
    assert [(movement["seq"], movement["order"]) for movement in page["movements"]] == [(3, "order-2"), (4, "order-3")]
    assert page["next"] == 4


def test_what_was_answered_survives_a_kill_and_a_restart(tmp_path: Path) -> None:
    with Sandbox("gateway", tmp_path) as sandbox:
        gateway = SandboxGateway(Outside("gateway", sandbox.url))
        before = gateway.authorize([authorization("a"), authorization("b")])
        flaky = {"order": "c", "amount": 5, "currency": "USD", "token": "tok_flaky"}
        sandbox.ask("authorize", flaky)
        assert sandbox.stop(signal.SIGKILL) == -signal.SIGKILL
        sandbox.start()
        assert gateway.authorize([authorization("a"), authorization("b")]) == before
        assert [sandbox.ask("authorize", flaky)[0]["status"] for _ in range(2)] == ["unavailable", "authorized"]
        assert sandbox.movements("a") == [("authorized", 1999)]


def test_sigterm_stops_it_cleanly_even_while_an_operation_hangs(tmp_path: Path) -> None:
    with Sandbox("gateway", tmp_path) as sandbox, ThreadPoolExecutor(1) as threads:
        operation = {"order": "a", "amount": 1, "currency": "USD", "token": "tok_timeout_charged"}
        threads.submit(sandbox.ask, "authorize", operation, wait=60)
        deadline = time.monotonic() + 10
        while not sandbox.movements("a") and time.monotonic() < deadline:
            time.sleep(0.01)
        assert sandbox.stop() == 0
        assert not sandbox.ledger.with_name("ledger.db-wal").exists()


def test_the_breaker_opens_on_a_dead_gateway_and_closes_when_it_is_back(tmp_path: Path) -> None:
    with Sandbox("gateway", tmp_path) as sandbox:
        gateway = SandboxGateway(Outside("gateway", sandbox.url, attempts=2, failures=4, reset_seconds=0.2))
        assert isinstance(authorize(gateway, "a"), Authorized)
        sandbox.stop(signal.SIGKILL)
        outcomes = [authorize(gateway, "b") for _ in range(2)]
        assert [type(outcome) for outcome in outcomes] == [Unknown, Unknown]
        assert gateway.outside.breaker.state == OPEN
        assert authorize(gateway, "b") == Unknown(detail="gateway: the circuit breaker is open")
        sandbox.start()
        deadline = time.monotonic() + 10
        while isinstance(authorize(gateway, "b"), Unknown) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert gateway.outside.breaker.state == CLOSED
        assert sandbox.movements("b") == [("authorized", 1999)]


def test_a_gateway_that_fails_after_the_work_charges_once(
    sandbox: Sandbox, gateway: SandboxGateway, order: str
) -> None:
    sandbox.http.post("/faults", json={"error_rate": 1, "moment": "after"})
    assert authorize(gateway, order) == Unknown(detail="gateway answered 503")
    sandbox.http.post("/faults", json={})
    assert isinstance(authorize(gateway, order), Authorized)
    assert sandbox.movements(order) == [("authorized", 1999)]


def test_a_gateway_that_hangs_as_a_whole_is_given_up_at_the_time_limit(sandbox: Sandbox, order: str) -> None:
    gateway = SandboxGateway(Outside("gateway", sandbox.url, timeout=0.3))
    sandbox.http.post("/faults", json={"hang_seconds": 60})
    started = time.monotonic()
    assert authorize(gateway, order) == Unknown(detail="gateway: ReadTimeout timed out")
    assert time.monotonic() - started < 5
    assert sandbox.http.get("/healthz").json() == {"status": "ok"}


def test_its_slowness_can_be_set_and_read(sandbox: Sandbox, order: str) -> None:
    faults = {"hang_seconds": 0.0, "error_rate": 0.0, "latency_ms": 120.0, "moment": "before"}
    assert sandbox.http.post("/faults", json={"latency_ms": 120}).json() == faults
    assert sandbox.http.get("/faults").json() == faults
    started = time.monotonic()
    assert sandbox.ask("lookup", {"order": order}) == [{"order": order, "status": "absent"}]
    assert time.monotonic() - started >= 0.12


VALID = {"order": "o", "amount": 1, "currency": "USD", "token": "tok_visa"}


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"{", "Input data was truncated"),
        (b"[]", "Expected `object`, got `array`"),
        (b'{"operations": ' + b"[" * 100_000, "Expected `object`, got `array` - at `$.operations[0]`"),
        (b'{"operations": []}', "Expected `array` of length >= 1 - at `$.operations`"),
        (b'{"operations": [{}]}', "Object missing required field `amount` - at `$.operations[0]`"),
        ({"operations": [VALID] * 501}, "Expected `array` of length <= 500 - at `$.operations`"),
        ({"operations": [VALID | {"amount": 0}]}, "Expected `int` >= 1 - at `$.operations[0].amount`"),
        ({"operations": [VALID | {"amount": True}]}, "Expected `int`, got `bool` - at `$.operations[0].amount`"),
        ({"operations": [VALID | {"amount": 1.5}]}, "Expected `int`, got `float` - at `$.operations[0].amount`"),
        ({"operations": [VALID | {"order": ""}]}, "Expected `str` of length >= 1 - at `$.operations[0].order`"),
        ({"operations": [VALID | {"tip": 1}]}, "Object contains unknown field `tip` - at `$.operations[0]`"),
        ({"operations": [VALID], "wait": 61}, "Expected `float` <= 60.0 - at `$.wait`"),
    ],
)
def test_a_bad_request_is_answered_with_what_is_wrong(sandbox: Sandbox, content: Any, detail: str) -> None:
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    response = sandbox.http.post("/authorize", content=body)
    assert (response.status_code, response.headers["content-type"]) == (400, "application/problem+json")
    assert detail in response.json()["detail"]


def test_wrong_faults_pages_and_paths_are_refused(sandbox: Sandbox) -> None:
    assert sandbox.http.post("/faults", json={"error_rate": 2}).status_code == 400
    assert sandbox.http.get("/ledger", params={"limit": "all"}).status_code == 400
    assert sandbox.http.get("/authorize").status_code == 404
    assert sandbox.http.post("/authorize", content=b" " * 1_000_001).status_code == 413
