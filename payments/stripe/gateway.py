"""Stripe behind the `Gateway` protocol. An order is one PaymentIntent, which `OnCharge.charge` names.

An authorisation is two requests: the intent is made, under a key that follows from the order, without a card; then it
is confirmed with the card. So `void` can ask for the very same intent, whether or not an authorisation has ever come
that far, and cancel it: Stripe confirms no cancelled intent. See docs/adr/0011-stripe.md.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec
import stripe
import structlog

from ecommerce.batches import Unknown, calling
from ecommerce.outside import Outside, Unavailable
from payments import gateway as g
from payments.stripe.api import StripeApi
from payments.stripe.objects import Charge, Failure, Intent, reason

log = structlog.get_logger(__name__)

Asked = TypeVar("Asked", bound=g.Operation)


class StripeGateway:
    """Stripe at `outside`. `at_once` is how many operations of a batch are under way at the same time."""

    def __init__(self, outside: Outside, *, api_key: str, at_once: int = 8) -> None:
        self.outside = outside
        self._at_once = at_once
        self._api = StripeApi(outside, api_key=api_key)

    def authorize(self, operations: Sequence[g.Authorize]) -> list[g.AuthorizeOutcome]:
        """Holds each amount."""
        return self._each(self._authorize, operations)

    def capture(self, operations: Sequence[g.Capture]) -> list[g.CaptureOutcome]:
        """Takes what is held for each order."""
        return self._each(self._capture, operations)

    def void(self, operations: Sequence[g.Void]) -> list[g.VoidOutcome]:
        """Makes sure that nothing is held for each order, now or later."""
        return self._each(self._void, operations)

    def refund(self, operations: Sequence[g.Refund]) -> list[g.RefundOutcome]:
        """Gives back what was captured."""
        return self._each(self._refund, operations)

    def lookup(self, operations: Sequence[g.Lookup]) -> list[g.LookupOutcome]:
        """Where each charge stands; one whose id is not given is there once Stripe's search has heard of it."""
        return self._each(self._lookup, operations)

    def _each(self, perform: Callable[[Asked], Any], operations: Sequence[Asked]) -> list[Any]:
        name = perform.__name__.strip("_")
        with (
            calling(self.outside.name, name, operations),
            ThreadPoolExecutor(self._at_once, thread_name_prefix="stripe") as threads,
        ):
            return list(threads.map(lambda operation: self._safely(perform, operation), operations))

    def _safely(self, perform: Callable[[Asked], Any], operation: Asked) -> Any:
        try:
            return perform(operation)
        except Unavailable as unavailable:
            return Unknown(detail=unavailable.detail)
        except stripe.IdempotencyError:
            return g.Refused(reason="KEY_REUSED")
        except (stripe.StripeError, msgspec.DecodeError) as error:
            said = _said(error)
            log.error("stripe_rejected", correlation_id=operation.order, asked=type(operation).__name__, said=said)
            return Unknown(detail=f"{self.outside.name} rejected the request: {said}")

    def _authorize(self, asked: g.Authorize) -> g.AuthorizeOutcome:
        made = self._api.make(asked.order, asked.amount, asked.currency)
        try:
            intent = self._api.confirm(made, order=asked.order, token=asked.token)
        except stripe.CardError as error:
            return self._declined(made, _reason(error))
        except stripe.InvalidRequestError as error:
            intent = self._api.retrieve(made)
            if intent.status in ("requires_payment_method", "requires_confirmation"):
                if (error.param or "").startswith("payment_method"):
                    return self._declined(made, "INVALID_TOKEN")
                raise
        match intent.status:
            case "requires_capture":
                return g.Authorized(charge=made, amount=intent.amount_capturable)
            case "succeeded":
                return g.Authorized(charge=made, amount=intent.amount)
            case "canceled":
                return g.Refused(reason="VOIDED")
        return _unsettled(intent)

    def _declined(self, intent: str, why: str) -> g.AuthorizeOutcome:
        # Only a cancelled intent is sure to hold nothing, however often a confirmation is still repeated.
        ended = self._api.cancel(intent)
        return g.Declined(reason=why) if ended.status == "canceled" else _unsettled(ended)

    def _capture(self, asked: g.Capture) -> g.CaptureOutcome:
        refusal = None
        try:
            intent = self._api.capture(asked.charge)
        except (stripe.CardError, stripe.InvalidRequestError) as error:
            intent, refusal = self._api.retrieve(asked.charge), _reason(error)
        match intent.status:
            case "succeeded":
                return g.Captured(charge=intent.id, amount=intent.amount_received)
            case "canceled":
                return g.Refused(reason="VOIDED")
            case "requires_capture" if refusal:
                return g.CaptureDeclined(reason=refusal)
        return _unsettled(intent)

    def _void(self, asked: g.Void) -> g.VoidOutcome:
        # The key finds what is younger than a day, the search what is older than some minutes.
        known = asked.charge or self._api.make(asked.order, asked.amount, asked.currency)
        intents = [self._api.cancel(each) for each in dict.fromkeys([*self._api.find(asked.order), known])]
        if any(intent.status == "succeeded" for intent in intents):
            return g.Refused(reason="CAPTURED")
        for intent in intents:
            if intent.status != "canceled":
                return _unsettled(intent)
        return g.Voided(amount=sum(intent.held for intent in intents))

    def _refund(self, asked: g.Refund) -> g.RefundOutcome:
        try:
            refund = self._api.refund(asked.charge, order=asked.order)
        except stripe.InvalidRequestError as error:
            if error.code == "charge_already_refunded":
                return g.Refunded(amount=asked.amount)
            if self._api.retrieve(asked.charge).status != "succeeded":
                return g.Refused(reason="NOT_CAPTURED")
            raise
        # Of a pending one the money has left the shop's balance.
        if refund.status in ("succeeded", "pending"):
            return g.Refunded(amount=refund.amount)
        return g.Refused(reason="REFUND_FAILED")

    def _lookup(self, asked: g.Lookup) -> g.LookupOutcome:
        known = asked.charge or next(iter(self._api.find(asked.order)), None)
        if known is None:
            return g.Absent()
        intent = self._api.retrieve(known)
        match intent.status, intent.latest_charge:
            case "requires_capture", _:
                return g.Authorized(charge=intent.id, amount=intent.amount_capturable)
            case "succeeded", Charge(refunded=True, amount=amount):
                return g.Refunded(amount=amount)
            case "succeeded", _:
                return g.Captured(charge=intent.id, amount=intent.amount_received)
            case "canceled", _:
                return g.Voided(amount=intent.held)
        return g.Absent()


def _reason(error: stripe.StripeError) -> str:
    return reason(Failure(code=error.code, decline_code=getattr(error.error, "decline_code", None)))


def _unsettled(intent: Intent) -> Unknown:
    return Unknown(detail=f"the intent is {intent.status}")


def _said(error: stripe.StripeError | msgspec.DecodeError) -> str:
    if not isinstance(error, stripe.StripeError):
        return str(error)
    # Without Stripe's own sentence, which may quote the card's token.
    param = getattr(error, "param", None)
    return f"{type(error).__name__} {error.http_status}, code {error.code}, param {param}, {error.request_id}"
