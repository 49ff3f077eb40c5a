"""The facts that orders publishes. Money is in minor units of `currency` (ISO 4217)."""

from enum import StrEnum
from typing import ClassVar

import msgspec

from ecommerce.messages import Event, Whole

TOPIC = "orders.events"


class CancelledBy(StrEnum):
    """Who asked for a cancellation; the deadline is nobody's doing."""

    CUSTOMER = "CUSTOMER"
    STAFF = "STAFF"
    TIMEOUT = "TIMEOUT"


class CancellationReason(StrEnum):
    """Why an order ended as cancelled."""

    OUT_OF_STOCK = "OUT_OF_STOCK"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    SHIPPING_FAILED = "SHIPPING_FAILED"
    CUSTOMER = "CUSTOMER"
    STAFF = "STAFF"
    TIMEOUT = "TIMEOUT"


class Item(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A line of an order: `unit_price` is that of one piece when the order was placed."""

    sku: str
    quantity: Whole
    unit_price: Whole


class Sealed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Personal data, encrypted with the data key `key_id` (base64 text). Destroying the key erases it everywhere."""

    key_id: str
    address: str
    payment_token: str


class OrderCreated(Event, frozen=True, kw_only=True):
    """An order was placed at today's prices. `items` name each sku once."""

    topic: ClassVar[str] = TOPIC

    order_id: str
    customer_id: str
    items: tuple[Item, ...]
    total_amount: Whole
    currency: str
    sealed: Sealed


class OrderConfirmed(Event, frozen=True, kw_only=True):
    """The goods are reserved and the money is held. Nobody has asked for a cancellation that might still succeed."""

    topic: ClassVar[str] = TOPIC

    order_id: str


class OrderCancellationRequested(Event, frozen=True, kw_only=True):
    """Someone wants the order cancelled, or its time is up. Shipping decides whether it still can be. At most once."""

    topic: ClassVar[str] = TOPIC

    order_id: str
    reason: CancelledBy


class OrderCancelled(Event, frozen=True, kw_only=True):
    """The order came to nothing: no goods are set aside for it and no money is held."""

    topic: ClassVar[str] = TOPIC

    order_id: str
    reason: CancellationReason


class OrderCompleted(Event, frozen=True, kw_only=True):
    """The goods are on their way, paid for and out of the books."""

    topic: ClassVar[str] = TOPIC

    order_id: str
