"""The sandbox payment gateway: `python -m deploy.sandbox.gateway --port 4101 --ledger var/gateway/ledger.db`.

An order has at most one charge. What a charge does depends on the token that it was authorised with:

tok_visa             authorised
tok_declined         declined, CARD_DECLINED
tok_timeout          hangs and holds nothing
tok_timeout_charged  holds the amount, then hangs: the repetition finds it authorised
tok_flaky            fails twice in passing, then as tok_visa
tok_capture_fails    as tok_visa, but the capture is refused twice (CAPTURE_DECLINED) before it succeeds
any other            declined, INVALID_TOKEN
"""

import hashlib
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from deploy.sandbox.ledger import Ledger
from deploy.sandbox.server import PENDING, UNAVAILABLE, Endpoint, Operation, Result, serve

FAILURES = 2  # of tok_flaky and of the captures of tok_capture_fails

ABSENT, AUTHORIZED, DECLINED = "absent", "authorized", "declined"
CAPTURED, VOIDED, REFUNDED = "captured", "voided", "refunded"


class Authorize(Operation, frozen=True):
    """Hold `amount` (minor units) on the card behind `token`."""

    amount: Annotated[int, msgspec.Meta(gt=0, le=10**12)]
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    token: Annotated[str, msgspec.Meta(max_length=500)]


class OnCharge(Operation, frozen=True):
    """Something to do with the order's only charge: what else names it is taken, and not needed."""

    amount: int = 0
    currency: str = ""
    charge: str = ""


class ChargeResult(Result, frozen=True):
    """The answer to an operation on a charge."""

    charge: str | None = None
    amount: int | None = None


class Charge(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the gateway knows of an order. The token is not kept."""

    status: str = ABSENT
    amount: int = 0
    currency: str | None = None
    reason: str | None = None
    failures: int = 0
    capture_failures: int = 0


_charges = msgspec.json.Decoder(Charge)


def charge_id(order: str) -> str:
    """The id of the only charge that `order` can have."""
    return f"ch_{hashlib.sha256(order.encode()).hexdigest()[:24]}"


def authorize(ledger: Ledger, given: Authorize) -> Result:
    """Holds the amount, once: a repetition gets the first answer, except that a void is final."""
    charge = _load(ledger, given.order)
    if charge.status == VOIDED:
        return _refused(given.order, "VOIDED")
    if charge.status != ABSENT and (charge.amount, charge.currency) != (given.amount, given.currency):
        return _refused(given.order, "KEY_REUSED")
    if charge.status == ABSENT:
        return _first_authorization(ledger, given, charge)
    if charge.status == DECLINED:
        return Result(order=given.order, status=DECLINED, reason=charge.reason)
    return _done(given.order, AUTHORIZED, charge.amount)


def _first_authorization(ledger: Ledger, given: Authorize, charge: Charge) -> Result:
    match given.token:
        case "tok_timeout":
            return Result(order=given.order, status=PENDING)
        case "tok_flaky" if charge.failures < FAILURES:
            _save(ledger, given.order, replace(charge, failures=charge.failures + 1))
            return Result(order=given.order, status=UNAVAILABLE)
        case "tok_visa" | "tok_flaky":
            return _hold(ledger, given)
        case "tok_timeout_charged":
            return replace(_hold(ledger, given), status=PENDING, charge=None, amount=None)
        case "tok_capture_fails":
            return _hold(ledger, given, capture_failures=FAILURES)
    return _decline(ledger, given, "CARD_DECLINED" if given.token == "tok_declined" else "INVALID_TOKEN")


def _hold(ledger: Ledger, given: Authorize, *, capture_failures: int = 0) -> ChargeResult:
    charge = Charge(currency=given.currency, amount=given.amount, capture_failures=capture_failures)
    return _move(ledger, given.order, charge, AUTHORIZED)


def _decline(ledger: Ledger, given: Authorize, reason: str) -> Result:
    _save(ledger, given.order, Charge(status=DECLINED, amount=given.amount, currency=given.currency, reason=reason))
    return Result(order=given.order, status=DECLINED, reason=reason)


def capture(ledger: Ledger, given: Operation) -> Result:
    """Takes the whole amount that is held, once."""
    charge = _load(ledger, given.order)
    if charge.status in (CAPTURED, REFUNDED):
        return _done(given.order, CAPTURED, charge.amount)
    if charge.status != AUTHORIZED:
        return _refused(given.order, "VOIDED" if charge.status == VOIDED else "NOT_AUTHORIZED")
    if charge.capture_failures:
        _save(ledger, given.order, replace(charge, capture_failures=charge.capture_failures - 1))
        return Result(order=given.order, status=DECLINED, reason="CAPTURE_DECLINED")
    return _move(ledger, given.order, charge, CAPTURED)


def void(ledger: Ledger, given: Operation) -> Result:
    """Lets go of what is held and answers how much that was; from then on nothing can be held for the order."""
    charge = _load(ledger, given.order)
    if charge.status in (CAPTURED, REFUNDED):
        return _refused(given.order, "CAPTURED")
    if charge.status == VOIDED:
        return _done(given.order, VOIDED, charge.amount)
    held = charge.amount if charge.status == AUTHORIZED else 0
    return _move(ledger, given.order, replace(charge, amount=held), VOIDED)


def refund(ledger: Ledger, given: Operation) -> Result:
    """Gives back the whole amount that was captured, once."""
    charge = _load(ledger, given.order)
    if charge.status == REFUNDED:
        return _done(given.order, REFUNDED, charge.amount)
    if charge.status != CAPTURED:
        return _refused(given.order, "NOT_CAPTURED")
    return _move(ledger, given.order, charge, REFUNDED)


def lookup(ledger: Ledger, given: Operation) -> Result:
    """Where the order's charge stands. "absent" is no promise: an authorisation may still be on its way."""
    charge = _load(ledger, given.order)
    if charge.status in (ABSENT, DECLINED):
        return Result(order=given.order, status=charge.status, reason=charge.reason)
    return _done(given.order, charge.status, charge.amount)


def _move(ledger: Ledger, order: str, charge: Charge, status: str) -> ChargeResult:
    ledger.record(order=order, kind=status, reference=charge_id(order), amount=charge.amount, currency=charge.currency)
    _save(ledger, order, replace(charge, status=status))
    return _done(order, status, charge.amount)


def _load(ledger: Ledger, order: str) -> Charge:
    state = ledger.state_of(order)
    return _charges.decode(state) if state else Charge()


def _save(ledger: Ledger, order: str, charge: Charge) -> None:
    ledger.keep(order, msgspec.json.encode(charge))


def _done(order: str, status: str, amount: int) -> ChargeResult:
    return ChargeResult(order=order, status=status, charge=charge_id(order), amount=amount)


def _refused(order: str, reason: str) -> Result:
    return Result(order=order, status="refused", reason=reason)


_on_a_charge: dict[str, Callable[[Ledger, Any], Result]] = {
    "capture": capture, "void": void, "refund": refund, "lookup": lookup,
}  # fmt: skip
ENDPOINTS = {"authorize": Endpoint(Authorize, authorize)} | {
    name: Endpoint(OnCharge, perform) for name, perform in _on_a_charge.items()
}

if __name__ == "__main__":
    serve("gateway", port=4101, endpoints=ENDPOINTS)
