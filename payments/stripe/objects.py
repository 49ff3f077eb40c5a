"""What is read of Stripe's objects, in answers of its API and in webhooks. Amounts are in minor units, as Stripe's."""

from collections.abc import Mapping
from typing import Final

import msgspec

ORDER: Final = "order_id"  # the key of the metadata that names the order


class Failure(msgspec.Struct, frozen=True):
    """Why an attempt failed; `decline_code` is the bank's word."""

    code: str | None = None
    decline_code: str | None = None


class Charge(msgspec.Struct, frozen=True):
    """An attempt at a card, or what came of it. `payment_intent` is an id."""

    id: str
    status: str
    amount: int
    refunded: bool = False
    payment_intent: str | None = None
    metadata: Mapping[str, str] = {}


class Intent(msgspec.Struct, frozen=True):
    """A PaymentIntent. `latest_charge` is an id unless it was expanded."""

    id: str
    status: str
    amount: int
    amount_capturable: int = 0
    amount_received: int = 0
    latest_charge: Charge | str | None = None
    last_payment_error: Failure | None = None
    metadata: Mapping[str, str] = {}

    @property
    def held(self) -> int:
        """What is, or had been, held. The latest charge must be expanded."""
        charge = self.latest_charge
        return charge.amount if isinstance(charge, Charge) and charge.status == "succeeded" else 0


class Refund(msgspec.Struct, frozen=True):
    """Money on its way back, or there."""

    id: str
    amount: int
    status: str | None = None


def reason(failure: Failure | None) -> str:
    """A failure as this project writes it: CARD_DECLINED, INSUFFICIENT_FUNDS."""
    word = (failure.decline_code or failure.code) if failure else None
    # "generic_decline" says less than the code beside it.
    if failure and failure.code and word == "generic_decline":
        word = failure.code
    return (word or "card_declined").upper()
