"""What must hold: of each event when it is made, of stock at all times, and of every order in the end."""

from collections import Counter, defaultdict

from ecommerce.messages import Event, Message
from inventory.domain import Reservation, Stock
from inventory.events import ProductUpserted
from inventory.service import RESERVATIONS, STOCK
from orders.domain import Order
from orders.service import ORDER
from payments.domain import Payment
from payments.events import PaymentVoided
from payments.messages import RefundPayment
from payments.service import PAYMENT
from shipping.domain import Shipment
from shipping.service import SHIPMENTS
from tests.simulation.node import Node, States, refold
from tests.simulation.outside import Carrier, Gateway

# Of each group at most one is ever made for an order.
_EXCLUSIVE = (
    {"OrderShipped", "ShippingFailed", "ShipmentCancelled"},
    {"PaymentFailed", "PaymentVoided", "PaymentCaptured"},
    {"InventoryReservationFailed", "InventoryReleased", "InventoryCommitted"},
    {"OrderCancelled", "OrderCompleted"},
)
# Of each group one is made before an order is cancelled.
_ANSWERS = ({"InventoryReservationFailed", "InventoryReleased"}, {"PaymentFailed", "PaymentVoided"})
# What must have been made before.
_BEFORE = {
    "OrderConfirmed": {"InventoryReserved", "PaymentAuthorized"},
    "OrderShipped": {"ShipmentCreated", "PaymentAuthorized", "InventoryReserved"},
    "OrderCompleted": {"OrderConfirmed", "OrderShipped", "PaymentCaptured", "InventoryCommitted"},
    "PaymentCaptured": {"OrderShipped"},
    "PaymentRefunded": {"PaymentCaptured"},
    "InventoryCommitted": {"OrderShipped"},
    "ShipmentDelivered": {"OrderShipped"},
    "ShipmentCancelled": {"OrderCancellationRequested"},
    "ShipmentCancellationRejected": {"OrderCancellationRequested"},
}
_CAUSE_OF = {
    "OUT_OF_STOCK": "InventoryReservationFailed",
    "PAYMENT_FAILED": "PaymentFailed",
    "SHIPPING_FAILED": "ShippingFailed",
    "CUSTOMER": "ShipmentCancelled",
    "STAFF": "ShipmentCancelled",
    "TIMEOUT": "ShipmentCancelled",
}


class Broken(AssertionError):
    """A promise that a schedule broke."""

    def __init__(self, promise: str, about: object) -> None:
        super().__init__(f"{promise}: {about}")
        self.promise = promise


def require(holds: object, promise: str, about: object) -> None:
    """Raises `Broken` unless the promise holds."""
    if not holds:
        raise Broken(promise, about)


class Promises:
    """Watches one world."""

    def __init__(self, gateway: Gateway, carrier: Carrier) -> None:
        self._gateway = gateway
        self._carrier = carrier
        self.made: dict[str, dict[str, Event]] = defaultdict(dict)

    def on_event(self, event: Message) -> None:
        """An event was made, and its commit is done."""
        if not isinstance(event, Event) or isinstance(event, ProductUpserted):
            return
        name, made = type(event).__name__, self.made[event.key]
        require(name not in made, "each event is made once for an order", event)
        require(made.keys() >= _BEFORE.get(name, set()), f"{name} comes after its causes", sorted(made))
        made[name] = event
        if name == "OrderCancelled":
            for answers in _ANSWERS:
                require(answers & made.keys(), "OrderCancelled waits for inventory and payments", sorted(made))
        for group in _EXCLUSIVE:
            require(len(group & made.keys()) <= 1, "these exclude each other", group & made.keys())
        self._on_money(name, event)

    def _on_money(self, name: str, event: Event) -> None:
        charge = self._gateway.charge(event.key)
        if name == "OrderShipped":
            require(charge.status == "authorized", "nothing ships without the money being held", charge)
        elif name in ("PaymentVoided", "PaymentFailed", "OrderCancelled"):
            require(charge.status in ("absent", "declined", "voided"), f"nothing is held after {name}", charge)
            if isinstance(event, PaymentVoided):
                held = charge.amount if charge.movements["voided"] else 0
                require(event.amount == held, "PaymentVoided tells what had been held", event)
        elif name == "OrderCompleted":
            require(charge.status in ("captured", "refunded"), "a completed order is paid for", charge)

    def on_stock(self, inventory: Node) -> None:
        """Inventory has taken something."""
        for row in inventory.states.values():
            if not isinstance(row, Stock):
                continue
            require(min(row.available, row.reserved, row.on_hand, row.shipped) >= 0, "no stock is below zero", row)
            require(row.on_hand == row.received - row.shipped, "on_hand = received - shipped", row)
            require(row.available + row.reserved == row.on_hand, "available + reserved = on_hand", row)

    def on_end(self, nodes: dict[str, Node], orders: list[str], received: dict[str, int]) -> Counter[str]:
        """Nothing is under way any more, and `received` came in of each sku. Gives how often each thing was met."""
        met: Counter[str] = Counter()
        shipped: Counter[str] = Counter()
        for order_id in orders:
            order = nodes["orders"].state(ORDER, order_id)
            assert isinstance(order, Order)
            self._judge(order, nodes)
            met[f"{order.status} {order.cancellation_reason}".strip()] += 1
            met.update(self.made[order_id].keys())
            if order.status != "CANCELLED":
                shipped.update({item.sku: item.quantity for item in order.items})
        for sku in received:
            row = nodes["inventory"].state(STOCK, sku)
            assert isinstance(row, Stock)
            require((row.reserved, row.shipped) == (0, shipped[sku]), "what shipped is what was ordered", row)
            require(row.received == received[sku], "each adjustment counts once", (row, received[sku]))
        for node in nodes.values():
            self._require_fold(node)
        return met

    def _judge(self, order: Order, nodes: dict[str, Node]) -> None:
        order_id, made = order.order_id, self.made[order.order_id]
        reservation = nodes["inventory"].state(RESERVATIONS, order_id)
        payment = nodes["payments"].state(PAYMENT, order_id)
        shipment = nodes["shipping"].state(SHIPMENTS, order_id)
        assert isinstance(reservation, Reservation)
        assert isinstance(payment, Payment)
        assert isinstance(shipment, Shipment)
        found = (reservation.status, payment.status, shipment.status)
        require((payment.pending, shipment.pending) == ("", ""), "nobody is asked for anything any more", found)
        if order.status == "CANCELLED":
            self._judge_cancelled(order, found, made)
        else:
            self._judge_completed(order, found, made)
        given = {type(entry.message) for entry in nodes["payments"].log.get(order_id, {}).values()}
        require(RefundPayment not in given or payment.status == "REFUNDED", "a refund that was granted is made", found)

    def _judge_cancelled(self, order: Order, found: tuple[str, str, str], made: dict[str, Event]) -> None:
        charge, parcel = self._gateway.charge(order.order_id), self._carrier.parcels.get(order.order_id)
        states = ({"FAILED", "RELEASED"}, {"FAILED", "VOIDED"}, {"FAILED", "CANCELLED"})
        agreed = all(status in allowed for status, allowed in zip(found, states, strict=True))
        require(agreed, "a cancelled order is cancelled everywhere", found)
        require(_CAUSE_OF[order.cancellation_reason] in made, "a cancellation has its reason's cause", order)
        asked = getattr(made.get("OrderCancellationRequested"), "reason", "")
        own = order.cancellation_reason in ("CUSTOMER", "STAFF", "TIMEOUT")
        require(not own or order.cancellation_reason == asked, "the reason is who asked", order)
        require(charge.status in ("absent", "declined", "voided"), "no charge is left of a cancelled order", charge)
        require(not charge.movements["captured"], "nothing is taken for a cancelled order", charge)
        require(parcel not in ("accepted", "delivered"), "no parcel leaves for a cancelled order", parcel)

    def _judge_completed(self, order: Order, found: tuple[str, str, str], made: dict[str, Event]) -> None:
        charge, parcel = self._gateway.charge(order.order_id), self._carrier.parcels.get(order.order_id)
        require(order.status in ("COMPLETED", "DELIVERED"), "every order ends", (order.status, order.facts, found))
        rejected = "ShipmentCancellationRejected" in made
        require(("OrderCancellationRequested" in made) == rejected, "a cancellation in vain is answered", sorted(made))
        require(not order.attention, "a captured order needs nobody", order)
        delivered = order.status == "DELIVERED"
        refunded = "PaymentRefunded" in order.facts
        due = ("COMMITTED", "REFUNDED" if refunded else "CAPTURED", "DELIVERED" if delivered else "SHIPPED")
        require(found == due, "a completed order is completed everywhere", (found, due))
        require(parcel == ("delivered" if delivered else "accepted"), "the carrier has the parcel", parcel)
        once = {"authorized": 1, "captured": 1} | ({"refunded": 1} if refunded else {})
        require(charge.movements == once, "a completed order is charged once", charge)
        require(charge.amount == order.total_amount, "the charge is the order's total", (charge, order))

    def _require_fold(self, node: Node) -> None:
        stored, folded = _touched(node, node.states), _touched(node, refold(node))
        different = [key for key in stored | folded if stored.get(key) != folded.get(key)]
        require(not different, "the log folds to the state", [(stored.get(key), folded.get(key)) for key in different])


def _touched(node: Node, states: States) -> States:
    kinds = {aggregate.collection: aggregate for aggregate in node.service.aggregates}
    return {key: state for key, state in states.items() if state != kinds[key[0]].initial(key[1])}
