"""The gateway and the carrier as they are seen from afar: moody, and each with a ledger that is the truth."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from ecommerce.messages import Answer
from payments.messages import (
    CaptureFailed,
    ChargeAuthorized,
    ChargeCaptured,
    ChargeDeclined,
    ChargeRefunded,
    ChargeVoided,
)
from shipping.messages import CarrierAccepted, CarrierDelivered, CarrierRefused

FAILURES = 2


class Card(StrEnum):
    """What the gateway does with a card."""

    GOOD = "good"
    DECLINED = "declined"
    FLAKY = "flaky"  # fails in passing, twice
    HANGS = "hangs"  # never an answer, nothing held
    HANGS_CHARGED = "hangs, charged"  # held, but the first answer never comes
    CAPTURE_FAILS = "capture fails"  # the capture is refused twice


@dataclass(slots=True)
class Charge:
    """What the gateway has for an order. A void is final: nothing can be held after it."""

    status: str = "absent"
    amount: int = 0
    failures: int = 0
    movements: Counter[str] = field(default_factory=Counter)

    def move(self, status: str) -> None:
        self.status = status
        self.movements[status] += 1


class Gateway:
    """At most one charge an order; every operation may be repeated and gets the first answer again."""

    def __init__(self) -> None:
        self.charges: dict[str, Charge] = {}

    def charge(self, order: str) -> Charge:
        return self.charges.setdefault(order, Charge())

    def authorize(self, order: str, amount: int, card: Card) -> Answer | None:
        charge = self.charge(order)
        if charge.status == "absent" and not self._hold(charge, amount, card):
            return None
        if charge.status == "declined":
            return ChargeDeclined(order_id=order, reason="CARD_DECLINED")
        if charge.status in ("authorized", "captured", "refunded"):
            return ChargeAuthorized(order_id=order, charge_id=f"ch-{order}", amount=charge.amount)
        return None  # voided: refused, which answers nothing that is still asked

    def _hold(self, charge: Charge, amount: int, card: Card) -> bool:
        """Whether the caller gets to hear what happened."""
        if card == Card.HANGS:
            return False
        if card == Card.FLAKY and charge.failures < FAILURES:
            charge.failures += 1
            return False
        if card == Card.DECLINED:
            charge.move("declined")
            return True
        charge.amount = amount
        charge.move("authorized")
        return card != Card.HANGS_CHARGED

    def capture(self, order: str, amount: int, card: Card) -> Answer | None:
        charge = self.charge(order)
        if charge.status == "authorized":
            if card == Card.CAPTURE_FAILS and charge.failures < FAILURES:
                charge.failures += 1
                return CaptureFailed(order_id=order, reason="CAPTURE_DECLINED")
            charge.move("captured")
        return ChargeCaptured(order_id=order) if charge.status in ("captured", "refunded") else None

    def void(self, order: str, amount: int, card: Card) -> Answer | None:
        charge = self.charge(order)
        if charge.status in ("captured", "refunded"):
            return None
        if charge.status != "voided":
            charge.amount = charge.amount if charge.status == "authorized" else 0
            charge.move("voided")
        return ChargeVoided(order_id=order, amount=charge.amount)

    def refund(self, order: str, amount: int, card: Card) -> Answer | None:
        charge = self.charge(order)
        if charge.status == "captured":
            charge.move("refunded")
        return ChargeRefunded(order_id=order) if charge.status == "refunded" else None


class Carrier:
    """At most one parcel an order, taken or refused for good."""

    def __init__(self) -> None:
        self.parcels: dict[str, str] = {}

    def book(self, order: str, *, refuses: bool) -> Answer:
        status = self.parcels.setdefault(order, "ADDRESS_REFUSED" if refuses else "accepted")
        return self._answer(order, status)

    def withdraw(self, order: str) -> Answer:
        """For an address that nobody can read any more: no parcel will be taken that was not taken before."""
        return self._answer(order, self.parcels.setdefault(order, "ERASED"))

    def deliver(self, order: str) -> Answer | None:
        if self.parcels.get(order) not in ("accepted", "delivered"):
            return None
        self.parcels[order] = "delivered"
        return CarrierDelivered(order_id=order)

    def _answer(self, order: str, status: str) -> Answer:
        if status in ("accepted", "delivered"):
            return CarrierAccepted(order_id=order, tracking_number=f"T-{order}")
        return CarrierRefused(order_id=order, reason=status)
