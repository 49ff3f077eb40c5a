"""The shapes of payments' requests and answers."""

from typing import Any

from ecommerce.http.parsing import StrictSerializer, Text
from ecommerce.money import outside
from payments.models import Payment


class RefundSerializer(StrictSerializer):
    reason = Text(max_length=500, required=False, allow_blank=True, default="")


def represent(payment: Payment) -> dict[str, Any]:
    """A payment as the API shows it."""
    return {
        "orderId": payment.order_id,
        "status": payment.status,
        "amount": outside(payment.amount, payment.currency),
        "currency": payment.currency,
        "failure": payment.failure or None,
    }
