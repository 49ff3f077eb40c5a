"""The sandbox carrier, a real process, through the client that the shipping tasks use."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ecommerce.batches import Unknown
from ecommerce.outside import Outside
from shipping.carrier import (
    Absent,
    Accepted,
    Address,
    Book,
    Deliver,
    Delivered,
    Lookup,
    Refused,
    SandboxCarrier,
)
from tests.sandbox import Sandbox

ADDRESS = Address(name="Ada Quillfeather", line1="12 Larkspur Row", city="Thornwick", postal_code="10115", country="DE")
NOWHERE = Address(name="Ada Quillfeather", line1="12 Larkspur Row", city="Thornwick", postal_code="00000", country="DE")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox("carrier", tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture
def carrier(sandbox: Sandbox) -> SandboxCarrier:
    return SandboxCarrier(Outside("carrier", sandbox.url))


@pytest.fixture
def order() -> str:
    return str(uuid4())


def book(carrier: SandboxCarrier, order: str, address: Address = ADDRESS) -> Any:
    return carrier.book([Book(order=order, address=address)])[0]


def lookup(carrier: SandboxCarrier, order: str) -> Any:
    return carrier.lookup([Lookup(order=order)])[0]


def deliver(carrier: SandboxCarrier, order: str) -> Any:
    return carrier.deliver([Deliver(order=order)])[0]


def test_a_parcel_is_booked_once_however_often_it_is_asked(
    sandbox: Sandbox, carrier: SandboxCarrier, order: str
) -> None:
    assert lookup(carrier, order) == Absent()
    accepted = book(carrier, order)
    assert isinstance(accepted, Accepted)
    assert book(carrier, order) == book(carrier, order, NOWHERE) == lookup(carrier, order) == accepted
    assert sandbox.movements(order) == [("accepted", None)]


def test_a_tracking_number_is_a_function_of_the_order(tmp_path: Path, carrier: SandboxCarrier) -> None:
    with Sandbox("carrier", tmp_path) as other:
        elsewhere = book(SandboxCarrier(Outside("carrier", other.url)), "order-1")
    assert book(carrier, "order-1") == elsewhere
    assert book(carrier, "order-2") != elsewhere


def test_an_address_that_is_refused_stays_refused(sandbox: Sandbox, carrier: SandboxCarrier, order: str) -> None:
    refused = Refused(reason="ADDRESS_REFUSED")
    assert book(carrier, order, NOWHERE) == book(carrier, order) == lookup(carrier, order) == refused
    assert deliver(carrier, order) == Refused(reason="NOT_BOOKED")
    assert sandbox.movements(order) == [("refused", None)]


def test_a_parcel_is_delivered_once_and_stays_accepted_for_a_late_booking(
    sandbox: Sandbox, carrier: SandboxCarrier, order: str
) -> None:
    assert deliver(carrier, order) == Refused(reason="NOT_BOOKED")
    accepted = book(carrier, order)
    delivered = deliver(carrier, order)
    assert delivered == Delivered(tracking_number=accepted.tracking_number, delivered_at=delivered.delivered_at)
    assert delivered.delivered_at.tzinfo == UTC
    assert deliver(carrier, order) == lookup(carrier, order) == delivered
    assert book(carrier, order) == accepted
    assert sandbox.movements(order) == [("accepted", None), ("delivered", None)]


def test_a_batch_is_answered_parcel_by_parcel_in_its_sequence(carrier: SandboxCarrier) -> None:
    addresses = [ADDRESS, NOWHERE, ADDRESS]
    outcomes = carrier.book([Book(order=str(uuid4()), address=address) for address in addresses])
    assert [type(outcome).__name__ for outcome in outcomes] == ["Accepted", "Refused", "Accepted"]


def test_fifty_equal_bookings_at_once_make_one_parcel(sandbox: Sandbox, carrier: SandboxCarrier, order: str) -> None:
    with ThreadPoolExecutor(50) as threads:
        outcomes = set(threads.map(lambda _: book(carrier, order), range(50)))
    assert len(outcomes) == 1
    assert sandbox.movements(order) == [("accepted", None)]


def test_the_ledger_survives_a_kill_and_holds_nothing_of_the_address(tmp_path: Path) -> None:
    with Sandbox("carrier", tmp_path) as sandbox:
        carrier = SandboxCarrier(Outside("carrier", sandbox.url))
        before = book(carrier, "order-1")
        sandbox.stop(signal.SIGKILL)
        stored = b"".join(file.read_bytes() for file in sandbox.ledger.parent.iterdir())
        sandbox.start()
        assert book(carrier, "order-1") == before
    assert b"order-1" in stored
    for piece in (b"Ada", b"Quillfeather", b"Larkspur", b"Thornwick", b"10115"):
        assert piece not in stored


def test_a_dead_carrier_leaves_every_booking_unknown(tmp_path: Path) -> None:
    with Sandbox("carrier", tmp_path) as sandbox:
        carrier = SandboxCarrier(Outside("carrier", sandbox.url, attempts=1))
        sandbox.stop(signal.SIGKILL)
        outcomes = carrier.book([Book(order="a", address=ADDRESS), Book(order="b", address=ADDRESS)])
    assert [type(outcome) for outcome in outcomes] == [Unknown, Unknown]


def test_a_booking_without_an_address_is_a_bad_request(sandbox: Sandbox) -> None:
    response = sandbox.http.post("/book", json={"operations": [{"order": "o"}]})
    assert response.status_code == 400
    assert response.json()["detail"] == "Object missing required field `address` - at `$.operations[0]`"


def test_an_address_does_not_show_in_what_is_logged() -> None:
    assert repr(Book(order="o", address=ADDRESS)) == "Book(order='o', address=Address(…))"
