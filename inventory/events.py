"""The facts that inventory publishes. Quantities are pieces; money is in minor units of `currency` (ISO 4217)."""

from typing import ClassVar

import msgspec

from ecommerce.messages import Event, Whole

TOPIC = "inventory.events"
PRODUCTS_TOPIC = "inventory.products"


class Line(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """So many pieces of one product."""

    sku: str
    quantity: Whole


class Shortage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A product of which there was less `available` than `requested`."""

    sku: str
    requested: Whole
    available: Whole


class InventoryReserved(Event, frozen=True, kw_only=True):
    """All of the order's goods are set aside for it. `lines` name each sku once."""

    topic: ClassVar[str] = TOPIC

    order_id: str
    lines: tuple[Line, ...]


class InventoryReservationFailed(Event, frozen=True, kw_only=True):
    """Something is missing, so nothing was set aside."""

    topic: ClassVar[str] = TOPIC

    order_id: str
    missing: tuple[Shortage, ...]


class InventoryReleased(Event, frozen=True, kw_only=True):
    """The order came to nothing and `lines` can be sold again; there are none where nothing had been set aside."""

    topic: ClassVar[str] = TOPIC

    order_id: str
    lines: tuple[Line, ...]


class InventoryCommitted(Event, frozen=True, kw_only=True):
    """The goods have left the warehouse."""

    topic: ClassVar[str] = TOPIC

    order_id: str
    lines: tuple[Line, ...]


class ProductUpserted(Event, frozen=True, kw_only=True):
    """A product is new or has changed. The highest `revision` of a sku is the truth, whatever arrives last."""

    topic: ClassVar[str] = PRODUCTS_TOPIC
    key_field: ClassVar[str] = "sku"

    sku: str
    name: str
    price: Whole
    currency: str
    revision: Whole
