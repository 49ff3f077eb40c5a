"""Shipping's wiring."""

from ecommerce.service import Aggregate, Service
from orders.events import OrderCancellationRequested, OrderCancelled, OrderCreated
from payments.events import PaymentAuthorized
from shipping import domain
from shipping.events import (
    OrderShipped,
    ShipmentCancellationRejected,
    ShipmentCancelled,
    ShipmentCreated,
    ShipmentDelivered,
    ShippingFailed,
)
from shipping.messages import CarrierAccepted, CarrierDelivered, CarrierRefused

SHIPMENTS = Aggregate(
    state=domain.Shipment,
    collection="shipments",
    takes=(
        OrderCreated,
        PaymentAuthorized,
        OrderCancellationRequested,
        OrderCancelled,
        CarrierAccepted,
        CarrierRefused,
        CarrierDelivered,
    ),
    decide=domain.decide,
    evolve=domain.evolve,
)

SHIPPING = Service(
    name="shipping",
    aggregates=(SHIPMENTS,),
    publishes=(
        ShipmentCreated,
        OrderShipped,
        ShippingFailed,
        ShipmentCancelled,
        ShipmentCancellationRejected,
        ShipmentDelivered,
    ),
    can_wait=(OrderCreated,),
    asks={ShipmentCreated: "shipping.book"},
)
