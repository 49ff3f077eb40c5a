"""The shapes of orders' requests and answers."""

from datetime import datetime
from typing import Annotated, Any, Literal

from rest_framework import serializers

from ecommerce import diagnosis
from ecommerce.deadletters.showing import qualified
from ecommerce.http.parsing import StrictSerializer, Text, WholeNumber, time_of
from ecommerce.http.shapes import Amount, Currency, OrderId, ServiceName, Shape, Sku, Time, one_of
from ecommerce.messages import Envelope
from ecommerce.money import outside
from orders import models
from orders.domain import Status
from orders.events import OrderCreated

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
    items = serializers.ListField(child=LineSerializer(), allow_empty=False, min_length=1, max_length=MOST_LINES)
    paymentMethod = Text(max_length=200)
    shippingAddress = AddressSerializer()


class CancelSerializer(StrictSerializer):
    reason = Text(max_length=500, required=False, allow_blank=True, default="")


class Line(Shape):
    """An item with the price that it had when it was ordered."""

    sku: Sku
    quantity: int
    unit_price: Amount


class PlacedOrder(Shape):
    """A new order."""

    order_id: OrderId
    status: Literal["PENDING"]
    items: list[Line]
    total_amount: Amount
    currency: Currency
    created_at: Time


class Order(Shape):
    """An order. `failure` is what the gateway or the carrier gave as its reason."""

    order_id: OrderId
    status: Annotated[str, one_of(Status)]
    items: list[Line]
    total_amount: Amount
    currency: Currency
    cancellation_reason: str | None
    failure: str | None
    tracking_number: str | None
    needs_attention: str | None
    created_at: Time
    updated_at: Time


class TimelineEvent(Shape):
    """A fact that a service published about the order, and when orders took it."""

    event_id: str
    event_type: str
    service: ServiceName
    timestamp: Time
    seen_at: Time
    causation_id: str | None


class PublishedEvent(Shape):
    """An event as it is on its topic. What is personal in its payload is sealed."""

    event_id: str
    event_type: str
    version: str
    timestamp: Time
    correlation_id: str
    causation_id: str | None
    payload: dict[str, Any]


class Timeline(Shape):
    """The facts of all services about an order, each after its cause."""

    order_id: OrderId
    events: list[TimelineEvent]


def time_in(query: str | None, name: str) -> datetime | None:
    """A time with its zone from a query parameter."""
    if query is None:
        return None
    try:
        return time_of(query)
    except ValueError as error:
        raise serializers.ValidationError({name: ["Must be a time like 2026-01-31T12:00:00Z."]}) from error


class Finding(Shape):
    """`service` waits for something: why as far as it can be seen, and what may be done about it."""

    service: ServiceName
    what: str
    since: Time | None
    cause: str
    action: str
    dead_letter: str | None


class Diagnosis(Shape):
    """Why an order is where it is; without findings it waits for nothing."""

    order_id: OrderId
    status: Annotated[str, one_of(Status)]
    findings: list[Finding]


def diagnosed(order: models.Order, found: list[diagnosis.Finding]) -> Diagnosis:
    """A diagnosis as the API shows it."""
    findings = [
        Finding(
            service=each.service,
            what=each.what,
            since=each.since,
            cause=each.cause,
            action=each.action,
            dead_letter=qualified(each.service, each.letter) if each.letter else None,
        )
        for each in found
    ]
    return Diagnosis(order_id=order.order_id, status=order.status, findings=findings)


def placed(event: Envelope[OrderCreated]) -> PlacedOrder:
    """The answer to a new order: made from its event alone, so that a repetition gives the same bytes."""
    order = event.payload
    return PlacedOrder(
        order_id=order.order_id,
        status="PENDING",
        items=[
            Line(sku=item.sku, quantity=item.quantity, unit_price=outside(item.unit_price, order.currency))
            for item in order.items
        ],
        total_amount=outside(order.total_amount, order.currency),
        currency=order.currency,
        created_at=event.timestamp,
    )


def represent(order: models.Order) -> Order:
    """An order as the API shows it."""
    assert order.created_at
    assert order.updated_at
    return Order(
        order_id=order.order_id,
        status=order.status,
        items=[
            Line(sku=item["sku"], quantity=item["quantity"], unit_price=outside(item["unit_price"], order.currency))
            for item in order.items
        ],
        total_amount=outside(order.total_amount, order.currency),
        currency=order.currency,
        cancellation_reason=order.cancellation_reason or None,
        failure=order.failure or None,
        tracking_number=order.tracking_number or None,
        needs_attention=order.attention or None,
        created_at=order.created_at,
        updated_at=order.updated_at,
    )
