"""The requests that Stripe is asked, one method each: through the SDK, on the one way of calling outside.

Each raises `ecommerce.outside.Unavailable` where there is no answer, `stripe.StripeError` for one that refuses, and
`msgspec.DecodeError` for one that is not understood.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
import stripe

from ecommerce import typed
from ecommerce.outside import Answer, Outside, RequestFailed
from payments.stripe.objects import ORDER, Intent, Refund

_EXPANDED: Any = {"expand": ["latest_charge"]}

Object = TypeVar("Object", Intent, Refund)


class _Body(msgspec.Struct):
    """The outermost of what Stripe may answer: the SDK fails in odd ways on anything else."""

    error: dict[str, Any] | None = None


class _ThroughOutside(stripe.HTTPClient):
    """How the SDK makes its requests here: with the party's breaker, retries and time limit instead of its own."""

    name = "outside"

    def __init__(self, outside: Outside) -> None:
        super().__init__()
        self._outside = outside

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_: Any
    ) -> tuple[Any, int, Mapping[str, str]]:
        answer = self._outside.call(method.upper(), url, read=self._settled, headers=headers, content=post_data)
        return answer.body, answer.status, answer.headers

    def _settled(self, answer: Answer) -> Answer:
        # 409: a request with the same key is under way. Any other error is an answer, which the SDK reads.
        if answer.status in (409, 429) or answer.status >= 500:
            transient = answer.headers.get("stripe-should-retry") != "false"
            detail = f"{self._outside.name} answered {answer.status}"
            raise RequestFailed(detail, transient=transient, broken=answer.status >= 500)
        try:
            typed.decode(answer.body, _Body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RequestFailed(f"{self._outside.name}: the answer is not Stripe's", transient=False) from error
        return answer


class StripeApi:
    """Stripe at `outside`. `order` is the key under which a request is made once; `intent` a PaymentIntent's id.

    What is sent under a key must stay as it is: a day's orders have it in Stripe's memory.
    """

    def __init__(self, outside: Outside, *, api_key: str) -> None:
        client = stripe.StripeClient(
            api_key, base_addresses={"api": outside.url}, max_network_retries=0, http_client=_ThroughOutside(outside)
        )
        self._intents, self._refunds = client.v1.payment_intents, client.v1.refunds

    def make(self, order: str, amount: int, currency: str) -> str:
        """The id of the order's intent, which is made unless it is there; its state may have moved on since."""
        given: Any = {
            "amount": amount,
            "currency": currency.lower(),
            "capture_method": "manual",
            "payment_method_types": ["card"],
            "metadata": {ORDER: order},
        }
        answer: Any = self._intents.create(given, _under(order, "create"))
        return _decoded(answer, Intent).id

    def confirm(self, intent: str, *, order: str, token: str) -> Intent:
        """Holds the intent's amount on the card behind `token`, a PaymentMethod's id."""
        # Nobody is there to be asked for a second factor: a card that wants one is declined.
        given: Any = {"payment_method": token, "error_on_requires_action": True}
        return self._now(self._intents.confirm(intent, given, _under(order, "confirm")))

    def capture(self, intent: str) -> Intent:
        """Takes all that is held. Not under a key: Stripe would answer a refused capture alike for a day."""
        return _decoded(self._intents.capture(intent), Intent)

    def cancel(self, intent: str) -> Intent:
        """Ends the intent, or tells how it is if that cannot be. Not under a key, for the same reason."""
        try:
            return _decoded(self._intents.cancel(intent, _EXPANDED), Intent)
        except stripe.InvalidRequestError:
            return self.retrieve(intent)

    def retrieve(self, intent: str) -> Intent:
        """The intent as it is."""
        return _decoded(self._intents.retrieve(intent, _EXPANDED), Intent)

    def find(self, order: str) -> list[str]:
        """The order's intents that Stripe's search knows: it hears of one a minute or more after it was made."""
        query: Any = {"query": f"metadata['{ORDER}']:'{order}'", "limit": 100}
        return [intent.id for intent in self._intents.search(query).data]

    def refund(self, intent: str, *, order: str) -> Refund:
        """Gives back all that was taken."""
        given: Any = {"payment_intent": intent}
        answer = self._refunds.create(given, _under(order, "refund"))
        refund = _decoded(answer, Refund)
        return _decoded(self._refunds.retrieve(refund.id), Refund) if _is_replayed(answer) else refund

    def _now(self, answer: Any) -> Intent:
        intent = _decoded(answer, Intent)
        return self.retrieve(intent.id) if _is_replayed(answer) else intent


def _under(order: str, step: str) -> Any:
    return {"idempotency_key": f"{order}:{step}"}


def _is_replayed(answer: Any) -> bool:
    """Whether Stripe repeats what it answered first: the object may have changed since."""
    return bool(answer.last_response.headers.get("idempotent-replayed") == "true")


def _decoded(answer: Any, kind: type[Object]) -> Object:
    return typed.decode(answer.last_response.body, kind)
