"""What a webhook of Stripe's says to the question that is open, if it says anything to it.

An answer is only made while its question is open: one that came before, once in the log, would have the task's own
answer, which has the same id, dropped as known. Nothing is lost by that: when the question is asked, Stripe answers it.
"""

import msgspec
import stripe

from ecommerce import typed
from ecommerce.messages import Answer, Refused
from payments.domain import Payment, Pending
from payments.messages import ChargeAuthorized, ChargeCaptured, ChargeDeclined, ChargeRefunded, ChargeVoided
from payments.stripe.objects import ORDER, Charge, Intent, reason

_KINDS: dict[str, tuple[Pending, type[Intent] | type[Charge]]] = {
    "payment_intent.amount_capturable_updated": (Pending.AUTHORIZE, Intent),
    "payment_intent.payment_failed": (Pending.AUTHORIZE, Intent),
    "payment_intent.succeeded": (Pending.CAPTURE, Intent),
    "payment_intent.canceled": (Pending.VOID, Intent),
    "charge.refunded": (Pending.REFUND, Charge),
}


class _Data(msgspec.Struct):
    object: msgspec.Raw


class _Event(msgspec.Struct):
    type: str
    data: _Data


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook that is about a question of payments': `question` is the one that it may answer."""

    type: str
    question: Pending
    about: Intent | Charge

    @property
    def order_id(self) -> str | None:
        """The order that it names; none where it is about something that was not made here."""
        return self.about.metadata.get(ORDER)

    def answer(self, payment: Payment) -> Answer | None:
        """What it says to the open question of its order's payment."""
        if payment.pending != self.question:
            return None
        order_id, about = payment.order_id, self.about
        match self.question, about:
            case Pending.AUTHORIZE, Intent(status="requires_capture"):
                return ChargeAuthorized(order_id=order_id, charge_id=about.id, amount=about.amount_capturable)
            case Pending.AUTHORIZE, Intent(status="requires_payment_method"):
                return ChargeDeclined(order_id=order_id, reason=reason(about.last_payment_error))
            case Pending.CAPTURE, Intent(status="succeeded", id=payment.charge_id):
                return ChargeCaptured(order_id=order_id)
            case Pending.VOID, Intent(status="canceled", id=payment.charge_id):
                return ChargeVoided(order_id=order_id, amount=about.amount)
            case Pending.REFUND, Charge(refunded=True, payment_intent=payment.charge_id):
                return ChargeRefunded(order_id=order_id)
        return None


def verify(body: bytes, signature: str | None, secret: str) -> None:
    """Returns if Stripe signed `body` within the last five minutes. Raises `Refused`."""
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret, stripe.Webhook.DEFAULT_TOLERANCE)
    except stripe.SignatureVerificationError as error:
        raise Refused("bad_signature", error.user_message or "the signature is wrong") from error
    except (UnicodeDecodeError, TypeError) as error:
        # Of a body that is no text, and a signature that is no ASCII.
        raise Refused("bad_signature", "the signature cannot be compared") from error


def read(body: bytes) -> Notice | None:
    """The webhook in `body`, or None for one of no interest. Raises `Refused` for what is no event of Stripe's."""
    try:
        event = typed.decode(body, _Event)
        if event.type not in _KINDS:
            return None
        question, kind = _KINDS[event.type]
        return Notice(type=event.type, question=question, about=typed.decode(event.data.object, kind))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("malformed", f"no event of Stripe's: {error}") from error
