"""Messages on the wire: what is written is read again, and nothing else is."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from ecommerce.messages import Envelope, Undecodable, decode, encode, event_type_of, seal_in_envelope
from orders.events import Item, OrderCreated, Sealed

AT = datetime(2026, 1, 31, 12, 0, 0, 123_000, tzinfo=UTC)
CREATED = OrderCreated(
    order_id="o",
    customer_id="c",
    items=(Item(sku="CUP", quantity=2, unit_price=1250),),
    total_amount=2500,
    currency="USD",
    sealed=Sealed(key_id="k", address="a", payment_token="t"),
)
WIRE: dict[str, Any] = {
    "eventId": "e",
    "eventType": "OrderCreated",
    "version": "1.0",
    "timestamp": "2026-01-31T12:00:00.123000Z",
    "correlationId": "o",
    "causationId": "cause",
    "payload": {
        "orderId": "o",
        "customerId": "c",
        "items": [{"sku": "CUP", "quantity": 2, "unitPrice": 1250}],
        "totalAmount": 2500,
        "currency": "USD",
        "sealed": {"keyId": "k", "address": "a", "paymentToken": "t"},
    },
}


def wire(**changes: Any) -> bytes:
    return msgspec.json.encode(WIRE | changes)


def payload(**changes: Any) -> bytes:
    return wire(payload=WIRE["payload"] | changes)


def enveloped() -> Envelope[Any]:
    return seal_in_envelope(CREATED, id="e", at=AT, cause="cause")


def test_an_event_is_written_in_the_form_that_other_services_know() -> None:
    assert msgspec.json.decode(encode(enveloped())) == WIRE


def test_what_is_written_is_read_again() -> None:
    assert decode(encode(enveloped()), OrderCreated) == enveloped()
    assert event_type_of(encode(enveloped())) == "OrderCreated"


def test_an_event_correlates_with_its_key_unless_told_otherwise() -> None:
    told = seal_in_envelope(CREATED, id="e", at=AT, cause=None, correlation="other")
    assert (enveloped().correlation_id, told.correlation_id) == ("o", "other")


def test_fields_that_a_reader_does_not_know_are_passed_over() -> None:
    # A newer writer may say more.
    assert decode(wire(shard=7), OrderCreated) == enveloped()
    assert decode(payload(giftWrap=True), OrderCreated) == enveloped()


def test_a_time_is_the_same_in_whatever_zone_it_is_written() -> None:
    assert decode(wire(timestamp="2026-01-31T13:00:00.123+01:00"), OrderCreated).timestamp == AT


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "OrderCreated: Input data was truncated"),
        (b"\xff\xfe", "OrderCreated: "),
        (b"null", "OrderCreated: Expected `object`, got `null`"),
        (b"[]", "OrderCreated: Expected `object`, got `array`"),
        (b"{}", "OrderCreated: Object missing required field `eventId`"),
        (b"[" * 100_000, "OrderCreated: "),
        (b'{"payload":' * 100_000, "OrderCreated: "),
        (encode(enveloped())[:-1], "OrderCreated: Input data was truncated"),
        (encode(enveloped()) + b"x", "OrderCreated: JSON is malformed: trailing characters"),
        (encode(enveloped()).replace(b"CUP", b"\xff"), "OrderCreated: "),
        (wire(version="2.0"), "OrderCreated: version '2.0' is not known, '1.0' is"),
        (wire(version=1.0), "OrderCreated: Expected `str`, got `float` - at `$.version`"),
        (wire(eventType="OrderCancelled"), "OrderCreated: the envelope says 'OrderCancelled'"),
        (wire(eventId=None), "OrderCreated: Expected `str`, got `null` - at `$.eventId`"),
        (wire(payload=None), "OrderCreated: Expected `object`, got `null` - at `$.payload`"),
        (wire(timestamp="yesterday"), "OrderCreated: Invalid RFC3339 encoded datetime - at `$.timestamp`"),
        (wire(timestamp="2026-01-31T12:00:00"), "OrderCreated: Expected `datetime` with a timezone component"),
        (payload(orderId=None), "OrderCreated: Expected `str`, got `null` - at `$.payload.orderId`"),
        (payload(totalAmount="2500"), "OrderCreated: Expected `int`, got `str`"),
        (payload(totalAmount=25.5), "OrderCreated: Expected `int`, got `float`"),
        (payload(items=[{"sku": "CUP"}]), "OrderCreated: Object missing required field `quantity`"),
        # Neither a time nor a number that MongoDB cannot hold may come as far as a transaction.
        (wire(timestamp="0001-01-01T00:00:00+14:00"), "OrderCreated: its time is out of range"),
        (
            payload(totalAmount=10**15 + 1),
            "OrderCreated: Expected `int` <= 1000000000000000 - at `$.payload.totalAmount`",
        ),
        (encode(enveloped()).replace(b":2500", b":1" + b"0" * 30), "OrderCreated: "),
    ],
)
def test_anything_else_is_undecodable_and_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(Undecodable) as error:
        decode(data, OrderCreated)
    assert str(error.value).startswith(reason)


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b"{}", b'{"eventType": 1}', b"[" * 100_000])
def test_what_names_no_type_is_no_event(data: bytes) -> None:
    with pytest.raises(Undecodable) as error:
        event_type_of(data)
    assert str(error.value).startswith("no event: ")
