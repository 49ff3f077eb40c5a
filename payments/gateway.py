"""The payment gateway as the tasks see it: batches of operations in, an outcome for each out."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from ecommerce import typed
from ecommerce.batches import Unknown, ask_each
from ecommerce.outside import Outside


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do with the charge of `order`. Repeating it is safe: order and operation are its idempotency key."""

    order: str


class Authorize(Operation, frozen=True, kw_only=True):
    """Hold `amount` (minor units) on the card behind `token`."""

    amount: int
    currency: str
    token: str

    def __repr__(self) -> str:
        return f"Authorize(order={self.order!r}, amount={self.amount}, currency={self.currency!r})"


class OnCharge(Operation, frozen=True, kw_only=True):
    """Something to do with what `Authorize` made; `charge` is empty where its answer has not been heard."""

    amount: int
    currency: str
    charge: str = ""


class Capture(OnCharge, frozen=True):
    """Take the whole amount that is held."""


class Void(OnCharge, frozen=True):
    """Let go of what is held, and hold nothing for this order ever after."""


class Refund(OnCharge, frozen=True):
    """Give back the whole amount that was captured."""


class Lookup(OnCharge, frozen=True):
    """Tell where the charge stands."""


class Authorized(msgspec.Struct, frozen=True, kw_only=True, tag_field="status", tag="authorized"):
    """`amount` is held."""

    charge: str
    amount: int


class Declined(msgspec.Struct, frozen=True, kw_only=True, tag_field="status", tag="declined"):
    """The card was refused for good: nothing is held."""

    reason: str


class Captured(msgspec.Struct, frozen=True, kw_only=True, tag_field="status", tag="captured"):
    """`amount` was taken."""

    charge: str
    amount: int


class CaptureDeclined(msgspec.Struct, frozen=True, kw_only=True, tag_field="status", tag="declined"):
    """The capture failed this time; the amount is still held."""

    reason: str


class Voided(msgspec.Struct, frozen=True, kw_only=True, tag_field="status", tag="voided"):
    """Nothing is held and nothing will be; `amount` is what had been, 0 for nothing."""

    amount: int


class Refunded(msgspec.Struct, frozen=True, kw_only=True, tag_field="status", tag="refunded"):
    """`amount` was given back."""

    amount: int


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag_field="status", tag="refused"):
    """The charge does not allow the operation: VOIDED, CAPTURED, NOT_AUTHORIZED, NOT_CAPTURED, KEY_REUSED."""

    reason: str


class Absent(msgspec.Struct, frozen=True, kw_only=True, tag_field="status", tag="absent"):
    """There is no charge yet. No promise: an authorisation may still be on its way, only `Void` ends that."""


AuthorizeOutcome = Authorized | Declined | Refused | Unknown
CaptureOutcome = Captured | CaptureDeclined | Refused | Unknown
VoidOutcome = Voided | Refused | Unknown
RefundOutcome = Refunded | Refused | Unknown
LookupOutcome = Authorized | Declined | Captured | Voided | Refunded | Absent | Unknown


class Gateway(Protocol):
    """A payment gateway. Outcomes come in the sequence of the operations; no call raises for the outside's sake."""

    def authorize(self, operations: Sequence[Authorize]) -> list[AuthorizeOutcome]: ...

    def capture(self, operations: Sequence[Capture]) -> list[CaptureOutcome]: ...

    def void(self, operations: Sequence[Void]) -> list[VoidOutcome]: ...

    def refund(self, operations: Sequence[Refund]) -> list[RefundOutcome]: ...

    def lookup(self, operations: Sequence[Lookup]) -> list[LookupOutcome]: ...


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the gateway's own ledger: `kind` is authorized, captured, voided or refunded. For the audit."""

    seq: int
    order: str
    kind: str
    reference: str
    amount: int
    at: datetime
    currency: str | None = None  # none where a void found nothing to let go


class SandboxGateway:
    """The sandbox gateway over HTTP. It answers an operation that takes longer than `wait` seconds as `Unknown`."""

    def __init__(self, outside: Outside, *, wait: float = 0.2) -> None:
        self.outside = outside
        self._wait = wait

    def authorize(self, operations: Sequence[Authorize]) -> list[AuthorizeOutcome]:
        """Holds each amount."""
        return self._ask("/authorize", operations, Authorized | Declined | Refused)

    def capture(self, operations: Sequence[Capture]) -> list[CaptureOutcome]:
        """Takes what is held for each order."""
        return self._ask("/capture", operations, Captured | CaptureDeclined | Refused)

    def void(self, operations: Sequence[Void]) -> list[VoidOutcome]:
        """Makes sure that nothing is held for each order, now or later."""
        return self._ask("/void", operations, Voided | Refused)

    def refund(self, operations: Sequence[Refund]) -> list[RefundOutcome]:
        """Gives back what was captured."""
        return self._ask("/refund", operations, Refunded | Refused)

    def lookup(self, operations: Sequence[Lookup]) -> list[LookupOutcome]:
        """Where each charge stands."""
        return self._ask("/lookup", operations, Authorized | Declined | Captured | Voided | Refunded | Absent)

    def movements(self) -> Iterator[Movement]:
        """The gateway's whole ledger, oldest first. Raises `ecommerce.outside.Unavailable`."""
        after: int | None = 0
        while after is not None:
            page = self.outside.get("/ledger", after=after)
            yield from typed.convert(page["movements"], list[Movement])
            after = page["next"]

    def _ask(self, path: str, operations: Sequence[Operation], expected: Any) -> list[Any]:
        return ask_each(self.outside, path, operations, expected=expected, wait=self._wait)
