"""The facts that shipping publishes. OrderShipped, ShippingFailed and ShipmentCancelled exclude each other."""

from typing import ClassVar

from ecommerce.messages import Event
from orders.events import CancelledBy

TOPIC = "shipping.events"


class ShipmentCreated(Event, frozen=True, kw_only=True):
    """The order is paid for, and `carrier` is being asked to fetch the parcel."""

    topic: ClassVar[str] = TOPIC

    order_id: str
    carrier: str


class OrderShipped(Event, frozen=True, kw_only=True):
    """The carrier has taken the parcel: from here on the order cannot be cancelled."""

    topic: ClassVar[str] = TOPIC

    order_id: str
    carrier: str
    tracking_number: str


class ShippingFailed(Event, frozen=True, kw_only=True):
    """The carrier refused the parcel for good. `reason` is its code, such as ADDRESS_REFUSED, or ERASED."""

    topic: ClassVar[str] = TOPIC

    order_id: str
    reason: str


class ShipmentCancelled(Event, frozen=True, kw_only=True):
    """A cancellation came in time: nothing ships, now or later. `reason` is who asked."""

    topic: ClassVar[str] = TOPIC

    order_id: str
    reason: CancelledBy


class ShipmentCancellationRejected(Event, frozen=True, kw_only=True):
    """A cancellation came too late. `reason` is the verdict that stands: SHIPPED."""

    topic: ClassVar[str] = TOPIC

    order_id: str
    reason: str


class ShipmentDelivered(Event, frozen=True, kw_only=True):
    """The parcel has reached the customer. Always after OrderShipped."""

    topic: ClassVar[str] = TOPIC

    order_id: str
