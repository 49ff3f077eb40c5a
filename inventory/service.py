"""Inventory's wiring."""

from ecommerce.service import Aggregate, Service
from inventory import domain
from inventory.events import (
    InventoryCommitted,
    InventoryReleased,
    InventoryReservationFailed,
    InventoryReserved,
    ProductUpserted,
)
from inventory.messages import AdjustStock, PutProduct
from orders.events import OrderCreated
from payments.events import PaymentFailed
from shipping.events import OrderShipped, ShipmentCancelled, ShippingFailed

STOCK = Aggregate(
    state=domain.Stock,
    collection="stock",
    takes=(PutProduct, AdjustStock),
    decide=domain.decide_stock,
    evolve=domain.evolve_stock,
)

RESERVATIONS = Aggregate(
    state=domain.Reservation,
    collection="reservations",
    takes=(OrderCreated, PaymentFailed, ShippingFailed, ShipmentCancelled, OrderShipped),
    decide=domain.decide,
    evolve=domain.evolve,
    beside=STOCK,
    names=domain.names,
)

INVENTORY = Service(
    name="inventory",
    aggregates=(RESERVATIONS, STOCK),
    publishes=(
        InventoryReserved,
        InventoryReservationFailed,
        InventoryReleased,
        InventoryCommitted,
        ProductUpserted,
    ),
    single_writer=True,
)
