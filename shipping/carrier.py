"""The carrier as the tasks see it: batches of operations in, an outcome for each out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from ecommerce.batches import Unknown, ask_each
from ecommerce.outside import Outside


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do with the parcel of `order`. Repeating it is safe: order and operation are its idempotency key."""

    order: str


class Address(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where a parcel goes. Personal data: unsealed only for the call, never logged."""

    name: str
    line1: str
    city: str
    postal_code: str
    country: str

    def __repr__(self) -> str:
        return "Address(…)"


class Book(Operation, frozen=True, kw_only=True):
    """Fetch the order's parcel and bring it to `address`."""

    address: Address


class Lookup(Operation, frozen=True):
    """Tell where the parcel is."""


class Withdraw(Operation, frozen=True):
    """Take no parcel for the order from now on, whatever booking is still on its way."""


class Deliver(Operation, frozen=True):
    """Mark the parcel as delivered: the sandbox has no vans."""


class Accepted(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="status", tag="accepted"):
    """The carrier has taken the parcel."""

    tracking_number: str


class Delivered(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="status", tag="delivered"):
    """The parcel is where it belongs, since `delivered_at` (UTC)."""

    tracking_number: str
    delivered_at: datetime


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag_field="status", tag="refused"):
    """The carrier will not do it, for good: ADDRESS_REFUSED, NOT_BOOKED, WITHDRAWN."""

    reason: str


class Absent(msgspec.Struct, frozen=True, kw_only=True, tag_field="status", tag="absent"):
    """There is no parcel yet. No promise: a booking may still be on its way."""


BookOutcome = Accepted | Refused | Unknown
LookupOutcome = Accepted | Delivered | Refused | Absent | Unknown
WithdrawOutcome = Accepted | Delivered | Refused | Unknown
DeliverOutcome = Delivered | Refused | Unknown


class Carrier(Protocol):
    """A carrier. Outcomes come in the sequence of the operations; no call raises for the outside's sake."""

    def book(self, operations: Sequence[Book]) -> list[BookOutcome]: ...

    def lookup(self, operations: Sequence[Lookup]) -> list[LookupOutcome]: ...

    def withdraw(self, operations: Sequence[Withdraw]) -> list[WithdrawOutcome]: ...


class SandboxCarrier:
    """The sandbox carrier over HTTP."""

    def __init__(self, outside: Outside) -> None:
        self.outside = outside

    def book(self, operations: Sequence[Book]) -> list[BookOutcome]:
        """Hands over each parcel."""
        return self._ask("/book", operations, Accepted | Refused)

    def lookup(self, operations: Sequence[Lookup]) -> list[LookupOutcome]:
        """Where each parcel is."""
        return self._ask("/lookup", operations, Accepted | Delivered | Refused | Absent)

    def withdraw(self, operations: Sequence[Withdraw]) -> list[WithdrawOutcome]:
        """Calls bookings off; one that succeeded before is answered with its parcel."""
        return self._ask("/withdraw", operations, Accepted | Delivered | Refused)

    def deliver(self, operations: Sequence[Deliver]) -> list[DeliverOutcome]:
        """Marks parcels as delivered, for demos and tests."""
        return self._ask("/deliveries", operations, Delivered | Refused)

    def _ask(self, path: str, operations: Sequence[Operation], expected: Any) -> list[Any]:
        return ask_each(self.outside, path, operations, expected=expected)
