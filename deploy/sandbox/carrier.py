"""The sandbox carrier: `python -m deploy.sandbox.carrier --port 4102 --ledger var/carrier/ledger.db --webhook URL`.

An order has at most one parcel. The postal code 00000 is refused with ADDRESS_REFUSED. A name or an address only
passes through: neither is stored, not even hashed, since an address can be guessed from its hash. With `--webhook` it
tells of parcels that were delivered, and of what was done while its answers hung (see `webhooks`).
"""

import hashlib
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec.structs import replace

from deploy.sandbox.ledger import Ledger, now
from deploy.sandbox.server import Endpoint, Operation, Result, serve

ABSENT, ACCEPTED, REFUSED, DELIVERED = "absent", "accepted", "refused", "delivered"

Line = Annotated[str, msgspec.Meta(max_length=1000)]


class Address(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Where a parcel goes."""

    name: Line
    line1: Line
    city: Line
    postal_code: Line
    country: Line


class Book(Operation, frozen=True):
    """Fetch the order's parcel and bring it to `address`."""

    address: Address


class ParcelResult(Result, frozen=True):
    """The answer to an operation on a parcel."""

    tracking_number: str | None = None
    delivered_at: datetime | None = None


class Parcel(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the carrier knows of an order."""

    status: str = ABSENT
    reason: str | None = None
    delivered_at: datetime | None = None


_parcels = msgspec.json.Decoder(Parcel)


def tracking_number(order: str) -> str:
    """The number of the only parcel that `order` can have."""
    return f"SBX{int.from_bytes(hashlib.sha256(order.encode()).digest()[:6]):015d}"


def book(ledger: Ledger, given: Book) -> Result:
    """Takes the parcel or refuses it, once: a repetition gets the first answer, whatever its address."""
    parcel = _load(ledger, given.order)
    if parcel.status == ABSENT:
        parcel = _decide(given.address)
        _move(ledger, given.order, parcel)
    if parcel.status == REFUSED:
        return _result(given.order, parcel)
    return _result(given.order, Parcel(status=ACCEPTED))


def _decide(address: Address) -> Parcel:
    if address.postal_code == "00000":
        return Parcel(status=REFUSED, reason="ADDRESS_REFUSED")
    return Parcel(status=ACCEPTED)


def deliver(ledger: Ledger, given: Operation) -> Result:
    """Marks the parcel as delivered, once: what a van does elsewhere."""
    parcel = _load(ledger, given.order)
    if parcel.status not in (ACCEPTED, DELIVERED):
        return Result(order=given.order, status=REFUSED, reason="NOT_BOOKED")
    if parcel.status == ACCEPTED:
        parcel = replace(parcel, status=DELIVERED, delivered_at=now())
        _move(ledger, given.order, parcel)
    return _result(given.order, parcel)


def withdraw(ledger: Ledger, given: Operation) -> Result:
    """Makes sure that no parcel is ever taken for the order, unless one has been: a later booking is refused."""
    parcel = _load(ledger, given.order)
    if parcel.status == ABSENT:
        parcel = Parcel(status=REFUSED, reason="WITHDRAWN")
        _move(ledger, given.order, parcel)
    return _result(given.order, parcel)


def lookup(ledger: Ledger, given: Operation) -> Result:
    """Where the order's parcel is."""
    return _result(given.order, _load(ledger, given.order))


def _result(order: str, parcel: Parcel) -> Result:
    if parcel.status in (ABSENT, REFUSED):
        return Result(order=order, status=parcel.status, reason=parcel.reason)
    number = tracking_number(order)
    return ParcelResult(order=order, status=parcel.status, tracking_number=number, delivered_at=parcel.delivered_at)


def _move(ledger: Ledger, order: str, parcel: Parcel) -> None:
    ledger.record(order=order, kind=parcel.status, reference=tracking_number(order))
    ledger.keep(order, msgspec.json.encode(parcel))


def _load(ledger: Ledger, order: str) -> Parcel:
    state = ledger.state_of(order)
    return _parcels.decode(state) if state else Parcel()


ENDPOINTS = {
    "book": Endpoint(Book, book, tells_late={ACCEPTED, REFUSED}),
    "lookup": Endpoint(Operation, lookup),
    "withdraw": Endpoint(Operation, withdraw, tells_late={ACCEPTED, REFUSED, DELIVERED}),
    "deliveries": Endpoint(Operation, deliver, tells={DELIVERED}, tells_late={DELIVERED}),
}

if __name__ == "__main__":
    serve("carrier", port=4102, endpoints=ENDPOINTS, webhook_secret="CARRIER_WEBHOOK_SECRET")
