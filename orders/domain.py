"""From an order placed to an order completed or cancelled: what the facts of all services add up to.

Topics have no order between them, so an order is the set of facts seen: its status and what it owes the world are
pure functions of that set. Only the first cancelling fact, which gives the reason, depends on the order in the log.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import ClassVar

import msgspec
from msgspec.structs import replace

from ecommerce.messages import Event, Message, Refused
from ecommerce.service import Decision, State
from inventory.events import ProductUpserted
from orders.events import (
    CancellationReason,
    CancelledBy,
    Item,
    OrderCancellationRequested,
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderCreated,
)
from orders.messages import CancelOrder, OrderExpired, PlaceOrder, RequestedItem
from payments.events import PaymentFailed
from shipping.events import OrderShipped, ShipmentCancelled, ShippingFailed

MOST_EXPENSIVE = 10**12  # minor units of a whole order

Facts = tuple[str, ...]

# Facts that end an order, with the reason they give; a cancelled shipment's is who asked for it.
_CANCELLING = {
    "InventoryReservationFailed": CancellationReason.OUT_OF_STOCK,
    "PaymentFailed": CancellationReason.PAYMENT_FAILED,
    "ShippingFailed": CancellationReason.SHIPPING_FAILED,
    "ShipmentCancelled": None,
}
# What inventory and payments answer to an order that ends early, each once. An answer may be seen before its cause.
_INVENTORY_ANSWERS = {"InventoryReservationFailed", "InventoryReleased"}
_PAYMENTS_ANSWERS = {"PaymentFailed", "PaymentVoided"}
_DOOMED = _CANCELLING.keys() | _INVENTORY_ANSWERS | _PAYMENTS_ANSWERS
_TOO_LATE = {"OrderShipped", "ShipmentCancellationRejected"}
_COMPLETE = {"PaymentAuthorized", "OrderShipped", "PaymentCaptured", "InventoryCommitted"}


class Status(StrEnum):
    PENDING = "PENDING"
    RESERVED = "RESERVED"
    PAID = "PAID"
    SHIPPED = "SHIPPED"
    COMPLETED = "COMPLETED"
    DELIVERED = "DELIVERED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"


class OrderLine(msgspec.Struct, frozen=True, kw_only=True):
    """An item as the order keeps it."""

    sku: str
    quantity: int
    unit_price: int


class SealedAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where the order goes, encrypted with the data key `key_id`."""

    key_id: str
    address: str


class Order(State, frozen=True, kw_only=True):
    """An order. `facts` are the types of events seen, each once, in the order of first sight."""

    order_id: str = ""
    customer_id: str = ""
    status: Status = Status.PENDING
    items: tuple[OrderLine, ...] = ()
    total_amount: int = 0
    currency: str = ""
    sealed: SealedAddress | None = None
    fingerprint: str = ""
    facts: Facts = ()
    cancellation_asked: str = ""  # by whom first
    cancellation_reason: str = ""  # why it was cancelled
    failure: str = ""  # what the gateway or the carrier gave as its reason
    carrier: str = ""
    tracking_number: str = ""
    attention: str = ""  # CAPTURE_FAILED while staff should look

    @property
    def placed(self) -> bool:
        return "OrderCreated" in self.facts


class Product(State, frozen=True, kw_only=True):
    """Orders' own copy of what is on sale: prices never come from a client. `revision` 0 is an unknown product."""

    key_name: ClassVar[str] = "sku"

    sku: str = ""
    name: str = ""
    price: int = 0
    currency: str = ""
    revision: int = 0


def names(order: Order, given: Message) -> Iterable[str]:
    """The skus whose prices `given` asks for."""
    return [item.sku for item in given.items] if isinstance(given, PlaceOrder) else ()


def decide(order: Order, given: Message, products: Mapping[str, Product]) -> Decision:
    """What orders publishes on hearing `given`. Raises `Refused` for a command that cannot be."""
    order = evolve(order, given)
    for event in _at_once(order, given, products):
        yield event
        order = evolve(order, event)
    yield from _due(order)


def _at_once(order: Order, given: Message, products: Mapping[str, Product]) -> Decision:
    match given:
        case PlaceOrder() if not order.placed:
            yield _created(given, products)
        case CancelOrder(by=by):
            yield from _cancellation(order, by)
        case OrderExpired() if order.placed and not _TOO_LATE & {*order.facts}:
            yield from _cancellation(order, CancelledBy.TIMEOUT)


def _created(given: PlaceOrder, products: Mapping[str, Product]) -> OrderCreated:
    for index, item in enumerate(given.items):
        _check(item, products[item.sku], products[given.items[0].sku].currency, f"items[{index}]")
    items = tuple(_priced(given.items, products))
    total = sum(item.quantity * item.unit_price for item in items)
    if not 0 < total <= MOST_EXPENSIVE:
        raise Refused("invalid_total", f"an order costs from 1 to {MOST_EXPENSIVE} minor units", field="items")
    return OrderCreated(
        order_id=given.order_id,
        customer_id=given.customer_id,
        items=items,
        total_amount=total,
        currency=products[items[0].sku].currency,
        sealed=given.sealed,
    )


def _check(item: RequestedItem, product: Product, currency: str, field: str) -> None:
    if item.quantity < 1:
        raise Refused("invalid_quantity", "a quantity is at least 1", field=f"{field}.quantity")
    if not product.revision:
        raise Refused("unknown_sku", f"there is no product {item.sku}", field=f"{field}.sku")
    if product.currency != currency:
        raise Refused("mixed_currencies", "an order has one currency", field=f"{field}.sku")


def _priced(requested: Iterable[RequestedItem], products: Mapping[str, Product]) -> Iterator[Item]:
    """One item for each sku, where it is first named: the same product on two lines is one line of their sum."""
    quantities: dict[str, int] = {}
    for item in requested:
        quantities[item.sku] = quantities.get(item.sku, 0) + item.quantity
    for sku, quantity in quantities.items():
        yield Item(sku=sku, quantity=quantity, unit_price=products[sku].price)


def _cancellation(order: Order, by: CancelledBy) -> Decision:
    if not order.placed:
        raise Refused("not_found", f"there is no order {order.order_id}")
    if _TOO_LATE & {*order.facts}:
        raise Refused("already_shipped", "the parcel is on its way")
    if order.status not in (Status.CANCELLING, Status.CANCELLED):
        yield OrderCancellationRequested(order_id=order.order_id, reason=by)


def _due(order: Order) -> Decision:
    """What the facts call for and has not been said yet. OrderConfirmed comes before OrderCompleted."""
    facts = {*order.facts}
    if not order.placed:
        return
    if "PaymentAuthorized" in facts and not _ends_early(facts) and "OrderConfirmed" not in facts:
        yield OrderConfirmed(order_id=order.order_id)
    if _is_undone(facts) and "OrderCancelled" not in facts:
        yield OrderCancelled(order_id=order.order_id, reason=_reason(order))
    if facts >= _COMPLETE and not _ends_early(facts) and "OrderCompleted" not in facts:
        yield OrderCompleted(order_id=order.order_id)


def _ends_early(facts: set[str]) -> bool:
    """Whether the order is being cancelled, or may be: a cancellation is open until shipping has decided."""
    return bool(_DOOMED & facts) or ("OrderCancellationRequested" in facts and not _TOO_LATE & facts)


def _is_undone(facts: set[str]) -> bool:
    """Whether the order has ended early, and inventory and payments have both said that nothing is left of it."""
    return bool(_CANCELLING.keys() & facts and _INVENTORY_ANSWERS & facts and _PAYMENTS_ANSWERS & facts)


def _reason(order: Order) -> CancellationReason:
    first = next(fact for fact in order.facts if fact in _CANCELLING)
    return _CANCELLING[first] or CancellationReason(order.cancellation_asked)


def status_of(facts: Iterable[str]) -> Status:
    """The status of an order of which these facts are known."""
    facts = {*facts}
    if "OrderCancelled" in facts:
        return Status.CANCELLED
    if _ends_early(facts):
        return Status.CANCELLING
    if "OrderCompleted" in facts:
        return Status.DELIVERED if "ShipmentDelivered" in facts else Status.COMPLETED
    return next((status for fact, status in _PROGRESS if fact in facts), Status.PENDING)


_PROGRESS = (
    ("OrderShipped", Status.SHIPPED),
    ("PaymentAuthorized", Status.PAID),
    ("InventoryReserved", Status.RESERVED),
)


def evolve(order: Order, event: Message) -> Order:
    """The order after `event`, an input or an own event."""
    match event:
        case PlaceOrder(fingerprint=fingerprint) if not order.placed:
            return replace(order, fingerprint=fingerprint)
        case OrderCreated():
            order = _with_content(order, event)
        case OrderCancellationRequested(reason=reason) | ShipmentCancelled(reason=reason):
            order = replace(order, cancellation_asked=order.cancellation_asked or reason)
        case OrderCancelled(reason=reason):
            order = replace(order, cancellation_reason=reason)
        case PaymentFailed(reason=reason) | ShippingFailed(reason=reason):
            order = replace(order, failure=order.failure or reason)
        case OrderShipped(carrier=carrier, tracking_number=number):
            order = replace(order, carrier=carrier, tracking_number=number)
    return _having_seen(order, event)


def _with_content(order: Order, event: OrderCreated) -> Order:
    return replace(
        order,
        customer_id=event.customer_id,
        items=tuple(OrderLine(sku=i.sku, quantity=i.quantity, unit_price=i.unit_price) for i in event.items),
        total_amount=event.total_amount,
        currency=event.currency,
        sealed=SealedAddress(key_id=event.sealed.key_id, address=event.sealed.address),
    )


def _having_seen(order: Order, event: Message) -> Order:
    fact = type(event).__name__
    if not isinstance(event, Event) or fact in order.facts:
        return order
    facts = (*order.facts, fact)
    needs_staff = "PaymentCaptureFailed" in facts and "PaymentCaptured" not in facts
    return replace(order, facts=facts, status=status_of(facts), attention="CAPTURE_FAILED" if needs_staff else "")


def decide_product(product: Product, given: Message) -> Decision:
    """Nothing: orders only listens."""
    yield from ()


def evolve_product(product: Product, event: Message) -> Product:
    """The copy after `event`; an older revision than the copy's is ignored."""
    match event:
        case ProductUpserted(name=name, price=price, currency=currency, revision=revision):
            if revision > product.revision:
                return replace(product, name=name, price=price, currency=currency, revision=revision)
    return product
