"""What payments resolves to ask the gateway, what it answers, and what staff say. Amounts are in minor units."""

from ecommerce import identity
from ecommerce.messages import Answer, Command, Intent


class AuthorizationRequested(Intent, frozen=True, kw_only=True):
    """The gateway is to hold `amount`."""

    order_id: str
    amount: int
    currency: str


class CaptureRequested(Intent, frozen=True, kw_only=True):
    """The gateway is to take what it holds, `amount`; asked again until it does."""

    order_id: str
    amount: int
    currency: str


class VoidRequested(Intent, frozen=True, kw_only=True):
    """The gateway is to let go of what it may hold, and to hold nothing for this order ever after."""

    order_id: str


class RefundRequested(Intent, frozen=True, kw_only=True):
    """The gateway is to give back what it took, `amount`."""

    order_id: str
    amount: int
    currency: str


class ChargeAuthorized(Answer, frozen=True, kw_only=True):
    """The gateway holds `amount`."""

    order_id: str
    charge_id: str
    amount: int


class ChargeDeclined(Answer, frozen=True, kw_only=True):
    """The gateway refused for good: nothing is held, nor will be.

    With the reason ERASED it is the task that speaks, which cannot read the card any more. Then an earlier attempt,
    whose answer got lost, may have succeeded: payments has the charge voided before it calls the payment failed.
    """

    order_id: str
    reason: str


class ChargeCaptured(Answer, frozen=True, kw_only=True):
    """The gateway took what it held."""

    order_id: str


class CaptureFailed(Answer, frozen=True, kw_only=True):
    """The gateway refused a capture this time and holds the money still."""

    order_id: str
    reason: str


class ChargeVoided(Answer, frozen=True, kw_only=True):
    """Nothing is held, nor will be; `amount` is what had been."""

    order_id: str
    amount: int


class ChargeRefunded(Answer, frozen=True, kw_only=True):
    """The gateway gave the money back."""

    order_id: str


class RefundPayment(Command, frozen=True, kw_only=True):
    """Staff give the whole payment back. `reason` and `by` (a user) are for the record."""

    order_id: str
    reason: str
    by: str


def answer_id(answer: Answer, *, question: str) -> str:
    """The id of an answer to what is pending, whoever heard it: an order is asked for each thing once."""
    return identity.derived_id("answer", answer.key, question, type(answer).__name__)
