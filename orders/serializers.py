"""The shapes of orders' requests and answers."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from ecommerce.http.parsing import StrictSerializer, Text, WholeNumber, time_of
from ecommerce.messages import Envelope
from ecommerce.money import outside
from orders.events import OrderCreated
from orders.models import Order

MOST_LINES = 100
MOST_PIECES = 1_000_000


class LineSerializer(StrictSerializer):
    sku = Text(max_length=64)
    quantity = WholeNumber(min_value=1, max_value=MOST_PIECES)


class AddressSerializer(StrictSerializer):
    name = Text(max_length=200)
    line1 = Text(max_length=200)
    city = Text(max_length=200)
    postalCode = Text(max_length=20)
    country = serializers.RegexField(r"^[A-Z]{2}\Z", max_length=2)


class PlaceOrderSerializer(StrictSerializer):
    items = serializers.ListField(child=LineSerializer(), allow_empty=False, max_length=MOST_LINES)
    paymentMethod = Text(max_length=200)
    shippingAddress = AddressSerializer()


class CancelSerializer(StrictSerializer):
    reason = Text(max_length=500, required=False, allow_blank=True, default="")


def time_in(query: str | None, name: str) -> datetime | None:
    """A time with its zone from a query parameter."""
    if query is None:
        return None
    try:
        return time_of(query)
    except ValueError as error:
        raise serializers.ValidationError({name: ["Must be a time like 2026-01-31T12:00:00Z."]}) from error


def placed(event: Envelope[OrderCreated]) -> dict[str, Any]:
    """The answer to a new order: made from its event alone, so that a repetition gives the same bytes."""
    order = event.payload
    return {
        "orderId": order.order_id,
        "status": "PENDING",
        "items": [
            {"sku": item.sku, "quantity": item.quantity, "unitPrice": outside(item.unit_price, order.currency)}
            for item in order.items
        ],
        "totalAmount": outside(order.total_amount, order.currency),
        "currency": order.currency,
        "createdAt": event.timestamp,
    }


def represent(order: Order) -> dict[str, Any]:
    """An order as the API shows it."""
    return {
        "orderId": order.order_id,
        "status": order.status,
        "items": [
            {
                "sku": item["sku"],
                "quantity": item["quantity"],
                "unitPrice": outside(item["unit_price"], order.currency),
            }
            for item in order.items
        ],
        "totalAmount": outside(order.total_amount, order.currency),
        "currency": order.currency,
        "cancellationReason": order.cancellation_reason or None,
        "failure": order.failure or None,
        "trackingNumber": order.tracking_number or None,
        "needsAttention": order.attention or None,
        "createdAt": order.created_at,
        "updatedAt": order.updated_at,
    }
