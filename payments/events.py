"""The facts that payments publishes. `amount` is in minor units of `currency` (ISO 4217)."""

from typing import Any, ClassVar, Final

from ecommerce.messages import Event, Upcasts, Whole

TOPIC = "payments.events"
ERASED: Final = "ERASED"  # the reason that no gateway gave: the card's key is destroyed


def _with_recoverable(payload: dict[str, Any]) -> dict[str, Any]:
    return {**payload, "recoverable": payload.get("reason") != ERASED}


class PaymentAuthorized(Event, frozen=True, kw_only=True):
    """The order's whole amount is held on the customer's card."""

    topic: ClassVar[str] = TOPIC

    order_id: str
    amount: Whole
    currency: str


class PaymentFailed(Event, frozen=True, kw_only=True):
    """The gateway refused for good; nothing is held. `reason` is its code, such as CARD_DECLINED, or ERASED.

    `recoverable`: the customer may order again with another card (since 1.1; it follows from the reason).
    """

    version: ClassVar[str] = "1.1"
    upcasts: ClassVar[Upcasts] = {"1.0": ("1.1", _with_recoverable)}
    topic: ClassVar[str] = TOPIC

    order_id: str
    reason: str
    recoverable: bool


class PaymentCaptured(Event, frozen=True, kw_only=True):
    """The money is the shop's."""

    topic: ClassVar[str] = TOPIC

    order_id: str
    amount: Whole
    currency: str


class PaymentCaptureFailed(Event, frozen=True, kw_only=True):
    """The order has shipped and its first capture was refused. Captures go on; a PaymentCaptured may follow."""

    topic: ClassVar[str] = TOPIC

    order_id: str
    reason: str


class PaymentVoided(Event, frozen=True, kw_only=True):
    """The order came to nothing: nothing is held, nor will be. `amount` is what had been held, often 0.

    `currency` is empty if the order ended before payments had heard of it.
    """

    topic: ClassVar[str] = TOPIC

    order_id: str
    amount: Whole
    currency: str


class PaymentRefunded(Event, frozen=True, kw_only=True):
    """What was captured went back to the customer, all of it. The order stays completed."""

    topic: ClassVar[str] = TOPIC

    order_id: str
    amount: Whole
    currency: str
