"""The facts of one order, and how to let it live through them."""

from functools import reduce

from ecommerce.messages import Message
from inventory.events import (
    InventoryCommitted,
    InventoryReleased,
    InventoryReservationFailed,
    InventoryReserved,
)
from orders.domain import (
    Order,
    Product,
    decide,
    evolve,
)
from orders.events import (
    CancellationReason,
    CancelledBy,
    Item,
    OrderCancellationRequested,
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderCreated,
    Sealed,
)
from orders.messages import OrderExpired, PlaceOrder, RequestedItem
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

SEALED = Sealed(key_id="k1", address="A", payment_token="T")
PRODUCTS = {
    "s1": Product(sku="s1", name="Lamp", price=1999, currency="USD", revision=1),
    "s2": Product(sku="s2", name="Desk", price=500, currency="USD", revision=3),
    "euro": Product(sku="euro", name="Euro", price=100, currency="EUR", revision=1),
    "ghost": Product(sku="ghost"),
}
CREATED = OrderCreated(
    order_id="o1",
    customer_id="c1",
    items=(Item(sku="s1", quantity=2, unit_price=1999),),
    total_amount=3998,
    currency="USD",
    sealed=SEALED,
)
RESERVED = InventoryReserved(order_id="o1", lines=())
OUT_OF_STOCK = InventoryReservationFailed(order_id="o1", missing=())
RELEASED = InventoryReleased(order_id="o1", lines=())
COMMITTED = InventoryCommitted(order_id="o1", lines=())
AUTHORIZED = PaymentAuthorized(order_id="o1", amount=3998, currency="USD")
PAYMENT_FAILED = PaymentFailed(order_id="o1", reason="CARD_DECLINED", recoverable=True)
VOIDED = PaymentVoided(order_id="o1", amount=0, currency="USD")
CAPTURED = PaymentCaptured(order_id="o1", amount=3998, currency="USD")
CAPTURE_FAILED = PaymentCaptureFailed(order_id="o1", reason="CAPTURE_DECLINED")
REFUNDED = PaymentRefunded(order_id="o1", amount=3998, currency="USD")
BOOKING = ShipmentCreated(order_id="o1", carrier="sandbox")
SHIPPED = OrderShipped(order_id="o1", carrier="sandbox", tracking_number="T1")
SHIPPING_FAILED = ShippingFailed(order_id="o1", reason="ADDRESS_REFUSED")
SHIPMENT_CANCELLED = ShipmentCancelled(order_id="o1", reason=CancelledBy.STAFF)
REJECTED = ShipmentCancellationRejected(order_id="o1", reason="SHIPPED")
DELIVERED = ShipmentDelivered(order_id="o1")
ASKED = OrderCancellationRequested(order_id="o1", reason=CancelledBy.STAFF)
CONFIRMED = OrderConfirmed(order_id="o1")
COMPLETED = OrderCompleted(order_id="o1")
EXPIRED = OrderExpired(order_id="o1")


def cancelled(reason: CancellationReason) -> OrderCancelled:
    return OrderCancelled(order_id="o1", reason=reason)


def place(*items: tuple[str, int]) -> PlaceOrder:
    requested = tuple(RequestedItem(sku=sku, quantity=quantity) for sku, quantity in items)
    return PlaceOrder(order_id="o1", customer_id="c1", items=requested, sealed=SEALED, fingerprint="f1")


def after(*events: Message) -> Order:
    return reduce(evolve, events, Order(order_id="o1"))


def decided(order: Order, given: Message) -> list[Message]:
    return list(decide(order, given, PRODUCTS))


def lived(*inputs: Message) -> tuple[Order, list[Message]]:
    """The order after all inputs, and everything it said, as the engine would have it."""
    order, said = after(CREATED), list[Message]()
    for given in inputs:
        events = decided(order, given)
        order = reduce(evolve, events, evolve(order, given))
        said += events
    return order, said
