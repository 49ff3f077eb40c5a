"""The shapes of payments' requests and answers."""

from typing import Annotated

from ecommerce.http.parsing import StrictSerializer, Text
from ecommerce.http.shapes import Amount, Currency, OrderId, Shape, one_of
from ecommerce.money import outside
from payments import models
from payments.domain import Status


class RefundSerializer(StrictSerializer):
    reason = Text(max_length=500, required=False, allow_blank=True, default="")


class Payment(Shape):
    """An order's payment. `failure` is why the gateway declined."""

    order_id: OrderId
    status: Annotated[str, one_of(Status)]
    amount: Amount
    currency: Currency
    failure: str | None


class Received(Shape):
    """Stripe need not tell it again."""

    received: bool


def represent(payment: models.Payment) -> Payment:
    return Payment(
        order_id=payment.order_id,
        status=payment.status,
        amount=outside(payment.amount, payment.currency),
        currency=payment.currency,
        failure=payment.failure or None,
    )
