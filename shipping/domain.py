"""When to ship, when to refuse, and who wins when a cancellation and a shipment race.

An order gets one verdict ever: OrderShipped, ShippingFailed or ShipmentCancelled. Whatever comes later changes nothing.
"""

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from ecommerce.messages import Message
from ecommerce.service import Decision, State
from orders.events import CancelledBy, OrderCancellationRequested, OrderCancelled, OrderCreated
from payments.events import PaymentAuthorized
from shipping.events import (
    OrderShipped,
    ShipmentCancellationRejected,
    ShipmentCancelled,
    ShipmentCreated,
    ShipmentDelivered,
    ShippingFailed,
)
from shipping.messages import CarrierAccepted, CarrierDelivered, CarrierRefused

DEFAULT_CARRIER = "sandbox"


class Status(StrEnum):
    PENDING = "PENDING"
    BOOKING = "BOOKING"  # the carrier is being asked: a cancellation can only be remembered
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class Pending(StrEnum):
    """What the carrier is still being asked."""

    NOTHING = ""
    BOOK = "BOOK"


class SealedAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where the parcel goes, encrypted with the data key `key_id`."""

    key_id: str
    address: str


class Shipment(State, frozen=True, kw_only=True):
    """An order's shipment. Of the sealed data it keeps what the carrier needs, and no more."""

    order_id: str = ""
    customer_id: str = ""
    status: Status = Status.PENDING
    pending: Pending = Pending.NOTHING
    carrier: str = ""
    tracking_number: str = ""
    failure: str = ""  # why the carrier refused
    cancellation_asked: str = ""  # by whom
    paid: bool = False
    handed_over: bool = False  # the carrier says that the customer has it
    sealed: SealedAddress | None = None

    @property
    def shipped(self) -> bool:
        return self.status in (Status.SHIPPED, Status.DELIVERED)

    def can_start_with(self, given: Message) -> bool:
        """Whether `given` is the last thing that was missing."""
        known = self.sealed is not None or isinstance(given, OrderCreated)
        paid = self.paid or isinstance(given, PaymentAuthorized)
        return self.status == Status.PENDING and known and paid


def decide(shipment: Shipment, given: Message) -> Decision:
    """What shipping publishes on hearing `given`."""
    match given:
        case OrderCreated() | PaymentAuthorized() if shipment.can_start_with(given):
            yield ShipmentCreated(order_id=shipment.order_id, carrier=DEFAULT_CARRIER)
        case OrderCancellationRequested() if not shipment.cancellation_asked:
            yield from _on_cancellation(shipment, given)
        case CarrierAccepted() if shipment.status == Status.BOOKING:
            yield from _on_acceptance(shipment, given)
        case CarrierRefused() if shipment.status == Status.BOOKING:
            yield from _on_refusal(shipment, given)
        case CarrierDelivered() if shipment.status == Status.SHIPPED:
            yield ShipmentDelivered(order_id=shipment.order_id)


def _on_cancellation(shipment: Shipment, given: OrderCancellationRequested) -> Decision:
    if shipment.status == Status.PENDING:
        # Also when nothing else is known of the order: the verdict stops a payment that arrives late.
        yield ShipmentCancelled(order_id=shipment.order_id, reason=given.reason)
    elif shipment.shipped:
        yield ShipmentCancellationRejected(order_id=shipment.order_id, reason=Status.SHIPPED)
    # While the carrier is being asked, a cancellation is only remembered: the carrier's answer decides.


def _on_acceptance(shipment: Shipment, given: CarrierAccepted) -> Decision:
    order_id, carrier = shipment.order_id, shipment.carrier
    if shipment.cancellation_asked:
        yield ShipmentCancellationRejected(order_id=order_id, reason=Status.SHIPPED)
    yield OrderShipped(order_id=order_id, carrier=carrier, tracking_number=given.tracking_number)
    if shipment.handed_over:
        yield ShipmentDelivered(order_id=order_id)


def _on_refusal(shipment: Shipment, given: CarrierRefused) -> Decision:
    if shipment.cancellation_asked:
        yield ShipmentCancelled(order_id=shipment.order_id, reason=CancelledBy(shipment.cancellation_asked))
    else:
        yield ShippingFailed(order_id=shipment.order_id, reason=given.reason)


def evolve(shipment: Shipment, event: Message) -> Shipment:
    """The shipment after `event`, an input or an own event."""
    match event:
        case OrderCreated(customer_id=customer_id, sealed=sealed):
            address = SealedAddress(key_id=sealed.key_id, address=sealed.address)
            return replace(shipment, customer_id=customer_id, sealed=address)
        case PaymentAuthorized():
            return replace(shipment, paid=True)
        case OrderCancellationRequested(reason=reason) if not shipment.cancellation_asked:
            return replace(shipment, cancellation_asked=reason)
        case OrderCancelled() if shipment.status == Status.PENDING:
            # It ended before shipping had a part in it: no verdict is due, but none may be given any more.
            return replace(shipment, status=Status.CANCELLED)
        case CarrierRefused(reason=reason) if shipment.status == Status.BOOKING:
            return replace(shipment, failure=reason)
        case CarrierDelivered():
            return replace(shipment, handed_over=True)
    return _after_own(shipment, event)


def _after_own(shipment: Shipment, event: Message) -> Shipment:
    match event:
        case ShipmentCreated(carrier=carrier):
            return replace(shipment, status=Status.BOOKING, pending=Pending.BOOK, carrier=carrier)
        case OrderShipped(tracking_number=number):
            return replace(shipment, status=Status.SHIPPED, pending=Pending.NOTHING, tracking_number=number)
        case ShippingFailed():
            return replace(shipment, status=Status.FAILED, pending=Pending.NOTHING)
        case ShipmentCancelled():
            return replace(shipment, status=Status.CANCELLED, pending=Pending.NOTHING)
        case ShipmentDelivered():
            return replace(shipment, status=Status.DELIVERED)
    return shipment
