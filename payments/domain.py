"""When to hold, take, let go of and give back an order's money.

The gateway is asked for one thing at a time (`pending`), again and again until it answers; nothing here guesses what
a call that timed out has done. An order that comes to nothing gets one answer: PaymentFailed or PaymentVoided.
"""

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from ecommerce.messages import Message, Refused
from ecommerce.service import Decision, State
from inventory.events import InventoryReservationFailed, InventoryReserved
from orders.events import OrderCreated
from payments.events import (
    ERASED,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentCaptureFailed,
    PaymentFailed,
    PaymentRefunded,
    PaymentVoided,
)
from payments.messages import (
    AuthorizationRequested,
    CaptureFailed,
    CaptureRequested,
    ChargeAuthorized,
    ChargeCaptured,
    ChargeDeclined,
    ChargeRefunded,
    ChargeVoided,
    RefundPayment,
    RefundRequested,
    VoidRequested,
)
from shipping.events import OrderShipped, ShipmentCancelled, ShippingFailed


class Status(StrEnum):
    PENDING = "PENDING"
    AUTHORIZED = "AUTHORIZED"
    CAPTURED = "CAPTURED"
    FAILED = "FAILED"
    VOIDED = "VOIDED"
    REFUNDED = "REFUNDED"


class Pending(StrEnum):
    """What the gateway is still being asked."""

    NOTHING = ""
    AUTHORIZE = "AUTHORIZE"
    CAPTURE = "CAPTURE"
    VOID = "VOID"
    REFUND = "REFUND"


class SealedToken(msgspec.Struct, frozen=True, kw_only=True):
    """What stands for the customer's card, encrypted with the data key `key_id`."""

    key_id: str
    payment_token: str


class Payment(State, frozen=True, kw_only=True):
    """An order's payment: `amount` is what the order costs, in minor units of `currency`.

    Of the sealed data it keeps what the gateway needs, and no more.
    """

    order_id: str = ""
    customer_id: str = ""
    status: Status = Status.PENDING
    pending: Pending = Pending.NOTHING
    amount: int = 0
    currency: str = ""
    charge_id: str = ""
    failure: str = ""  # why the gateway declined
    reserved: bool = False
    shipped: bool = False
    capture_failed: bool = False
    sealed: SealedToken | None = None

    @property
    def never_asked(self) -> bool:
        return self.status == Status.PENDING and self.pending == Pending.NOTHING

    @property
    def may_be_held(self) -> bool:
        """Whether the gateway may hold money that nobody has a right to yet."""
        return self.pending == Pending.AUTHORIZE or (
            self.status == Status.AUTHORIZED and self.pending == Pending.NOTHING
        )


def decide(payment: Payment, given: Message) -> Decision:
    """What payments makes of `given`: facts for others and intents for its own tasks. Raises `Refused`."""
    match given:
        case OrderCreated(total_amount=amount, currency=currency) if payment.never_asked and payment.reserved:
            yield AuthorizationRequested(order_id=payment.order_id, amount=amount, currency=currency)
        case InventoryReserved() if payment.never_asked and payment.sealed:
            yield AuthorizationRequested(order_id=payment.order_id, amount=payment.amount, currency=payment.currency)
        case InventoryReservationFailed() | ShippingFailed() | ShipmentCancelled():
            yield from _on_cancelling(payment)
        case OrderShipped() if payment.status == Status.AUTHORIZED and payment.pending == Pending.NOTHING:
            yield _capture(payment)
        case RefundPayment():
            yield from _on_refund(payment)
        case _:
            yield from _on_answer(payment, given)


def _on_cancelling(payment: Payment) -> Decision:
    if payment.shipped:
        return  # two verdicts of shipping: the first one stands
    if payment.never_asked:
        yield PaymentVoided(order_id=payment.order_id, amount=0, currency=payment.currency)
    elif payment.may_be_held:
        yield VoidRequested(order_id=payment.order_id)


def _on_refund(payment: Payment) -> Decision:
    if payment.status == Status.REFUNDED:
        raise Refused("already_refunded", "the payment has been given back")
    if payment.status != Status.CAPTURED:
        raise Refused("not_captured", "only money that was taken can be given back")
    if payment.pending == Pending.NOTHING:
        yield RefundRequested(order_id=payment.order_id, amount=payment.amount, currency=payment.currency)


def _on_answer(payment: Payment, given: Message) -> Decision:
    """An answer counts while its question is open. While voiding, what became of the hold is only on record."""
    order_id, amount, currency = payment.order_id, payment.amount, payment.currency
    match given, payment.pending:
        case ChargeAuthorized(), Pending.AUTHORIZE:
            yield from _on_hold(payment, given)
        case ChargeDeclined(reason=reason), Pending.AUTHORIZE if reason == ERASED:
            # No answer of the gateway: it may hold the money, and an answer that says so may be on its way.
            yield VoidRequested(order_id=order_id)
        case ChargeDeclined(reason=reason), Pending.AUTHORIZE:
            yield PaymentFailed(order_id=order_id, reason=reason, recoverable=True)
        case CaptureFailed(reason=reason), Pending.CAPTURE if not payment.capture_failed:
            yield PaymentCaptureFailed(order_id=order_id, reason=reason)
        case ChargeCaptured(), Pending.CAPTURE:
            yield PaymentCaptured(order_id=order_id, amount=amount, currency=currency)
        case ChargeVoided(), Pending.VOID if payment.failure == ERASED:
            yield PaymentFailed(order_id=order_id, reason=ERASED, recoverable=False)
        case ChargeVoided(amount=held), Pending.VOID:
            yield PaymentVoided(order_id=order_id, amount=held, currency=currency)
        case ChargeRefunded(), Pending.REFUND:
            yield PaymentRefunded(order_id=order_id, amount=amount, currency=currency)


def _on_hold(payment: Payment, given: ChargeAuthorized) -> Decision:
    if given.amount != payment.amount:
        raise ArithmeticError(f"{payment.order_id} costs {payment.amount}, the gateway holds {given.amount}")
    yield PaymentAuthorized(order_id=payment.order_id, amount=payment.amount, currency=payment.currency)
    if payment.shipped:
        # Only after a restored backup: the parcel left in an earlier life of this log.
        yield _capture(payment)


def _capture(payment: Payment) -> CaptureRequested:
    return CaptureRequested(order_id=payment.order_id, amount=payment.amount, currency=payment.currency)


def evolve(payment: Payment, event: Message) -> Payment:
    """The payment after `event`, an input or an own event."""
    match event:
        case OrderCreated():
            token = SealedToken(key_id=event.sealed.key_id, payment_token=event.sealed.payment_token)
            known = replace(payment, customer_id=event.customer_id, sealed=token)
            return replace(known, amount=event.total_amount, currency=event.currency)
        case InventoryReserved():
            return replace(payment, reserved=True)
        case OrderShipped():
            return replace(payment, shipped=True)
        case ChargeAuthorized(charge_id=charge_id):
            return replace(payment, charge_id=charge_id)
        case ChargeDeclined(reason=reason) if payment.pending == Pending.AUTHORIZE:
            return replace(payment, failure=reason)
    return _after_own(payment, event)


def _after_own(payment: Payment, event: Message) -> Payment:
    match event:
        case AuthorizationRequested():
            return replace(payment, pending=Pending.AUTHORIZE)
        case VoidRequested():
            return replace(payment, pending=Pending.VOID)
        case CaptureRequested():
            return replace(payment, pending=Pending.CAPTURE)
        case RefundRequested():
            return replace(payment, pending=Pending.REFUND)
        case PaymentCaptureFailed():
            return replace(payment, capture_failed=True)  # still pending: the captures go on
    status = _STATUS_AFTER.get(type(event))
    return replace(payment, status=status, pending=Pending.NOTHING) if status else payment


_STATUS_AFTER: dict[type[Message], Status] = {
    PaymentAuthorized: Status.AUTHORIZED,
    PaymentFailed: Status.FAILED,
    PaymentCaptured: Status.CAPTURED,
    PaymentVoided: Status.VOIDED,
    PaymentRefunded: Status.REFUNDED,
}
