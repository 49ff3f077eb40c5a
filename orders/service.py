"""Orders' wiring."""

from ecommerce.service import Aggregate, Service
from inventory.events import (
    InventoryCommitted,
    InventoryReleased,
    InventoryReservationFailed,
    InventoryReserved,
    ProductUpserted,
)
from orders import domain
from orders.domain import Status
from orders.events import OrderCancellationRequested, OrderCancelled, OrderCompleted, OrderConfirmed, OrderCreated
from orders.messages import CancelOrder, OrderExpired, PlaceOrder
from payments.events import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentCaptureFailed,
    PaymentFailed,
    PaymentRefunded,
    PaymentVoided,
)
from shipping.events import (
    OrderShipped,
    ShipmentCancellationRejected,
    ShipmentCancelled,
    ShipmentCreated,
    ShipmentDelivered,
    ShippingFailed,
)

PRODUCTS = Aggregate(
    state=domain.Product,
    collection="products",
    takes=(ProductUpserted,),
    decide=domain.decide_product,
    evolve=domain.evolve_product,
)

ORDER = Aggregate(
    state=domain.Order,
    collection="orders",
    takes=(
        PlaceOrder,
        CancelOrder,
        OrderExpired,
        # Its own, for a backup that was made before the order was placed: what was answered with 201 comes back.
        OrderCreated,
        # It keeps the whole story: every fact of every other service.
        InventoryReserved,
        InventoryReservationFailed,
        InventoryReleased,
        InventoryCommitted,
        PaymentAuthorized,
        PaymentFailed,
        PaymentCaptured,
        PaymentCaptureFailed,
        PaymentVoided,
        PaymentRefunded,
        ShipmentCreated,
        OrderShipped,
        ShippingFailed,
        ShipmentCancelled,
        ShipmentCancellationRejected,
        ShipmentDelivered,
    ),
    decide=domain.decide,
    evolve=domain.evolve,
    beside=PRODUCTS,
    names=domain.names,
)

ORDERS = Service(
    name="orders",
    aggregates=(ORDER, PRODUCTS),
    publishes=(OrderCreated, OrderConfirmed, OrderCancellationRequested, OrderCancelled, OrderCompleted),
    can_wait=(OrderCreated, InventoryReserved, PaymentAuthorized, ShipmentCreated, OrderShipped),
    unfinished=(Status.PENDING, Status.RESERVED, Status.PAID, Status.SHIPPED, Status.CANCELLING),
    ends={OrderCompleted: "completed", OrderCancelled: "cancelled"},
)
