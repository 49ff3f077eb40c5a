"""Payments' wiring."""

from ecommerce.service import Aggregate, Service
from inventory.events import InventoryReservationFailed, InventoryReserved
from orders.events import OrderCreated
from payments import domain
from payments.events import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentCaptureFailed,
    PaymentFailed,
    PaymentRefunded,
    PaymentVoided,
)
from payments.messages import (
    AuthorizationRequested,
    CaptureFailed,
    CaptureRequested,
    ChargeAuthorized,
    ChargeCaptured,
    ChargeDeclined,
    ChargeRefunded,
    ChargeVoided,
    RefundPayment,
    RefundRequested,
    VoidRequested,
)
from shipping.events import OrderShipped, ShipmentCancelled, ShippingFailed

PAYMENT = Aggregate(
    state=domain.Payment,
    collection="payments",
    takes=(
        OrderCreated,
        InventoryReserved,
        InventoryReservationFailed,
        OrderShipped,
        ShippingFailed,
        ShipmentCancelled,
        ChargeAuthorized,
        ChargeDeclined,
        ChargeCaptured,
        CaptureFailed,
        ChargeVoided,
        ChargeRefunded,
        RefundPayment,
    ),
    decide=domain.decide,
    evolve=domain.evolve,
)

PAYMENTS = Service(
    name="payments",
    aggregates=(PAYMENT,),
    publishes=(
        PaymentAuthorized,
        PaymentFailed,
        PaymentCaptured,
        PaymentCaptureFailed,
        PaymentVoided,
        PaymentRefunded,
    ),
    can_wait=(OrderCreated,),
    intents=(AuthorizationRequested, CaptureRequested, VoidRequested, RefundRequested),
    asks={
        AuthorizationRequested: "payments.authorize",
        CaptureRequested: "payments.capture",
        VoidRequested: "payments.void",
        RefundRequested: "payments.refund",
    },
)
