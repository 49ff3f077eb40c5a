"""What payments asks the gateway, outside any transaction, and what it makes of the answers.

Every task may run twice: the gateway knows each operation by its order, and an answer's id follows from the question,
so the log drops a second one. What stays unknown stays pending, and the sweep asks again.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

import structlog
from celery import current_app, shared_task
from django.conf import settings

from ecommerce import identity
from ecommerce.batches import Unknown
from ecommerce.heartbeats import watched
from ecommerce.masterkeys import Locked
from ecommerce.messages import Answer
from ecommerce.outside import Outside
from ecommerce.registry import engine
from ecommerce.vault import Erased, vault
from payments import gateway as g
from payments import selectors
from payments.domain import Payment, Pending
from payments.events import ERASED
from payments.messages import (
    CaptureFailed,
    ChargeAuthorized,
    ChargeCaptured,
    ChargeDeclined,
    ChargeRefunded,
    ChargeVoided,
    answer_id,
)
from payments.stripe.gateway import StripeGateway

log = structlog.get_logger(__name__)

# How long an answer may be owed before the question is asked again. Stripe takes an order at a time: a long batch must
# not be asked twice while it is under way, which is safe, but takes from what Stripe allows us.
_UNANSWERED_AFTER = {"sandbox": timedelta(seconds=3), "stripe": timedelta(seconds=60)}
_AT_ONCE = 100
_MOST_SWEPT = 1000
_BANK_SECONDS = 15.0


@cache
def gateway() -> g.Gateway:
    """The gateway of this process: one connection pool, one circuit breaker."""
    if settings.PAYMENT_GATEWAY == "stripe":
        outside = Outside("stripe", settings.STRIPE_API_BASE, timeout=_BANK_SECONDS)
        return StripeGateway(watched(outside, service="payments"), api_key=settings.STRIPE_API_KEY)
    return g.SandboxGateway(watched(Outside("gateway", settings.ENV.GATEWAY_URL), service="payments"))


@shared_task(name="payments.authorize")
def authorize(order_ids: Sequence[str]) -> None:
    """Has the gateway hold the money of these orders."""
    payments = selectors.asked(order_ids, Pending.AUTHORIZE)
    vault().load(payment.sealed.key_id for payment in payments if payment.sealed)
    readable, erased = [], []
    for payment in payments:
        try:
            readable.append(_authorization(payment))
        except Erased:
            erased.append(payment)
        except Locked as locked:  # the sweep asks again, until the setting is right
            log.error("not asked", correlation_id=payment.order_id, error=str(locked))
    _take(erased, [ChargeDeclined(order_id=payment.order_id, reason=ERASED) for payment in erased])
    by_order = {payment.order_id: payment for payment in payments}
    _ask([by_order[operation.order] for operation in readable], gateway().authorize(readable), _authorized)


def _authorization(payment: Payment) -> g.Authorize:
    sealed = payment.sealed
    assert sealed, "nothing is asked for before the order is known"
    token = vault().unseal(sealed.key_id, sealed.payment_token, context=f"{payment.order_id}:payment")
    return g.Authorize(order=payment.order_id, amount=payment.amount, currency=payment.currency, token=token)


OnCharge = TypeVar("OnCharge", bound=g.OnCharge)


def _on_charge(operation: type[OnCharge], payment: Payment) -> OnCharge:
    return operation(order=payment.order_id, amount=payment.amount, currency=payment.currency, charge=payment.charge_id)


@shared_task(name="payments.capture")
def capture(order_ids: Sequence[str]) -> None:
    """Has the gateway take what it holds for these orders."""
    payments = selectors.asked(order_ids, Pending.CAPTURE)
    _ask(payments, gateway().capture([_on_charge(g.Capture, payment) for payment in payments]), _captured)


@shared_task(name="payments.void")
def void(order_ids: Sequence[str]) -> None:
    """Has the gateway let go of these orders, for good."""
    payments = selectors.asked(order_ids, Pending.VOID)
    _ask(payments, gateway().void([_on_charge(g.Void, payment) for payment in payments]), _voided)


@shared_task(name="payments.refund")
def refund(order_ids: Sequence[str]) -> None:
    """Has the gateway give back what it took for these orders."""
    payments = selectors.asked(order_ids, Pending.REFUND)
    _ask(payments, gateway().refund([_on_charge(g.Refund, payment) for payment in payments]), _refunded)


_TASKS = {
    Pending.AUTHORIZE: "payments.authorize",
    Pending.CAPTURE: "payments.capture",
    Pending.VOID: "payments.void",
    Pending.REFUND: "payments.refund",
}


@shared_task(name="payments.sweep")
def sweep() -> None:
    """Asks again what has been without an answer for a while: a lost task, a silent gateway, a failed capture."""
    patience = _UNANSWERED_AFTER[settings.PAYMENT_GATEWAY]
    since = identity.now() - patience
    for pending, task in _TASKS.items():
        order_ids = selectors.unanswered(pending, since, limit=_MOST_SWEPT)
        for start in range(0, len(order_ids), _AT_ONCE):
            chunk = order_ids[start : start + _AT_ONCE]
            current_app.send_task(task, args=[chunk], queue="payments", expires=patience.total_seconds())


def _authorized(order_id: str, outcome: Any) -> Answer | None:
    match outcome:
        case g.Authorized(charge=charge, amount=amount):
            return ChargeAuthorized(order_id=order_id, charge_id=charge, amount=amount)
        case g.Declined(reason=reason) | g.Refused(reason="VOIDED" as reason):
            return ChargeDeclined(order_id=order_id, reason=reason)
    # Any other refusal means that the gateway knows another charge for this order: it may hold money, people must look.
    return None


def _captured(order_id: str, outcome: Any) -> Answer | None:
    match outcome:
        case g.Captured():
            return ChargeCaptured(order_id=order_id)
        case g.CaptureDeclined(reason=reason) | g.Refused(reason=reason):
            return CaptureFailed(order_id=order_id, reason=reason)
    return None


def _voided(order_id: str, outcome: Any) -> Answer | None:
    return ChargeVoided(order_id=order_id, amount=outcome.amount) if isinstance(outcome, g.Voided) else None


def _refunded(order_id: str, outcome: Any) -> Answer | None:
    return ChargeRefunded(order_id=order_id) if isinstance(outcome, g.Refunded) else None


def _ask(payments: Sequence[Payment], outcomes: Sequence[Any], read: Callable[[str, Any], Answer | None]) -> None:
    answered, answers = [], []
    for payment, outcome in zip(payments, outcomes, strict=True):
        answer = read(payment.order_id, outcome)
        if answer is not None:
            answered.append(payment)
            answers.append(answer)
        else:
            level = log.info if isinstance(outcome, Unknown) else log.error
            level("no answer yet", correlation_id=payment.order_id, asked=payment.pending, outcome=repr(outcome))
    _take(answered, answers)


def _take(payments: Sequence[Payment], answers: Sequence[Answer]) -> None:
    payments_engine = engine("payments")
    payments_engine.take(
        [
            payments_engine.input(answer, id=answer_id(answer, question=payment.pending))
            for payment, answer in zip(payments, answers, strict=True)
        ]
    )
