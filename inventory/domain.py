"""Who gets which goods: reservations in log order, and the stock that they draw on.

A reservation sees the stock rows of its products and decides; its events then change those rows. What a row sums up
does not depend on the order in which histories are folded, so a row may be made again from any of them first.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import ClassVar

from msgspec.structs import replace

from ecommerce.messages import Message, Refused
from ecommerce.service import Decision, State
from inventory.events import (
    InventoryCommitted,
    InventoryReleased,
    InventoryReservationFailed,
    InventoryReserved,
    Line,
    ProductUpserted,
    Shortage,
)
from inventory.messages import AdjustStock, PutProduct
from orders.events import Item, OrderCreated
from payments.events import PaymentFailed
from shipping.events import OrderShipped, ShipmentCancelled, ShippingFailed

MOST_ON_HAND = 10**12

Allotment = InventoryReserved | InventoryReservationFailed


class Status(StrEnum):
    PENDING = "PENDING"
    RESERVED = "RESERVED"
    FAILED = "FAILED"
    RELEASED = "RELEASED"
    COMMITTED = "COMMITTED"


class Reservation(State, frozen=True, kw_only=True):
    """What is set aside for an order. FAILED and RELEASED are inventory's one answer to an order that ends early."""

    order_id: str = ""
    status: Status = Status.PENDING
    lines: tuple[Line, ...] = ()
    missing: tuple[Shortage, ...] = ()
    # Only what is reserved ships, but a service restored from a backup reads its topics again in any order.
    shipped: bool = False

    @property
    def can_be_released(self) -> bool:
        return self.status in (Status.PENDING, Status.RESERVED) and not self.shipped


class Stock(State, frozen=True, kw_only=True):
    """A product and its pieces: on_hand = received - shipped = available + reserved, none ever below zero.

    `received` is the sum of all adjustments. `revision` 0 means that nobody has ever put the product on sale.
    """

    key_name: ClassVar[str] = "sku"

    sku: str = ""
    name: str = ""
    price: int = 0
    currency: str = ""
    revision: int = 0
    on_hand: int = 0
    available: int = 0
    reserved: int = 0
    received: int = 0
    shipped: int = 0


def names(reservation: Reservation, given: Message) -> Iterable[str]:
    """The skus whose stock `given` may change."""
    match given:
        case OrderCreated(items=items):
            return [item.sku for item in items]
        case _:
            return [line.sku for line in reservation.lines]


def decide(reservation: Reservation, given: Message, stock: Mapping[str, Stock]) -> Decision:
    """What inventory answers for the order of `reservation`, whose products have `stock`."""
    order_id, status, lines = reservation.order_id, reservation.status, reservation.lines
    match given:
        case OrderCreated(items=items) if status == Status.PENDING:
            yield from _first_answer(reservation, _allot(order_id, _summed(items), stock))
        case PaymentFailed() | ShippingFailed() | ShipmentCancelled() if reservation.can_be_released:
            # Also when the order itself is still on its way: it will find that this is settled.
            _check_reserved(lines, stock)
            yield InventoryReleased(order_id=order_id, lines=lines)
        case OrderShipped() if status == Status.RESERVED:
            _check_reserved(lines, stock)
            yield InventoryCommitted(order_id=order_id, lines=lines)


def _first_answer(reservation: Reservation, answer: Allotment) -> Decision:
    if not reservation.shipped:
        yield answer
    elif isinstance(answer, InventoryReserved):
        yield answer
        yield InventoryCommitted(order_id=reservation.order_id, lines=answer.lines)
    else:
        raise ArithmeticError(f"{reservation.order_id} has shipped what is not there: {answer.missing}")


def _allot(order_id: str, wanted: tuple[Line, ...], stock: Mapping[str, Stock]) -> Allotment:
    missing = tuple(
        Shortage(sku=line.sku, requested=line.quantity, available=stock[line.sku].available)
        for line in wanted
        if stock[line.sku].available < line.quantity
    )
    if missing:
        return InventoryReservationFailed(order_id=order_id, missing=missing)
    return InventoryReserved(order_id=order_id, lines=wanted)


def _summed(items: Iterable[Item]) -> tuple[Line, ...]:
    quantities: dict[str, int] = {}
    for item in items:
        quantities[item.sku] = quantities.get(item.sku, 0) + item.quantity
    return tuple(Line(sku=sku, quantity=quantity) for sku, quantity in quantities.items())


def _check_reserved(lines: Iterable[Line], stock: Mapping[str, Stock]) -> None:
    for line in lines:
        if stock[line.sku].reserved < line.quantity:
            raise ArithmeticError(f"{line.sku} has {stock[line.sku].reserved} reserved, not {line.quantity}")


def evolve(reservation: Reservation, event: Message) -> Reservation:
    """The reservation after `event`, an input or an own event."""
    match event:
        case OrderShipped():
            return replace(reservation, shipped=True)
        case InventoryReserved(lines=lines):
            return replace(reservation, status=Status.RESERVED, lines=lines)
        case InventoryReservationFailed(missing=missing):
            return replace(reservation, status=Status.FAILED, missing=missing)
        case InventoryReleased():
            return replace(reservation, status=Status.RELEASED)
        case InventoryCommitted():
            return replace(reservation, status=Status.COMMITTED)
    return reservation


def decide_stock(stock: Stock, given: Message) -> Decision:
    """What a command of staff does to a product. Raises `Refused`."""
    match given:
        case PutProduct():
            yield from _put(stock, given)
        case AdjustStock():
            _check_adjustment(stock, given)


def _put(stock: Stock, given: PutProduct) -> Iterator[ProductUpserted]:
    if given.price < 1:
        raise Refused("invalid_price", "a price is at least one minor unit", field="price")
    if (given.name, given.price, given.currency) == (stock.name, stock.price, stock.currency):
        return
    yield ProductUpserted(
        sku=stock.sku, name=given.name, price=given.price, currency=given.currency, revision=stock.revision + 1
    )


def _check_adjustment(stock: Stock, given: AdjustStock) -> None:
    if not given.delta:
        raise Refused("nothing_to_adjust", "an adjustment adds or takes away", field="delta")
    if not stock.revision:
        raise Refused("unknown_sku", f"there is no product {stock.sku}", field="sku")
    if stock.available + given.delta < 0:
        raise Refused("insufficient_stock", f"{stock.available} of {stock.sku} are available", field="delta")
    if stock.on_hand + given.delta > MOST_ON_HAND:
        raise Refused("too_much_stock", f"at most {MOST_ON_HAND} of a product can be on hand", field="delta")


def evolve_stock(stock: Stock, event: Message) -> Stock:
    """The row after a command of its own, or after an event of a reservation that names its sku."""
    match event:
        case ProductUpserted(name=name, price=price, currency=currency, revision=revision):
            return replace(stock, name=name, price=price, currency=currency, revision=revision)
        case AdjustStock(delta=delta):
            return _moved(stock, on_hand=delta, available=delta, received=delta)
        case InventoryReserved(lines=lines):
            quantity = _quantity_of(stock.sku, lines)
            return _moved(stock, available=-quantity, reserved=quantity)
        case InventoryReleased(lines=lines):
            quantity = _quantity_of(stock.sku, lines)
            return _moved(stock, available=quantity, reserved=-quantity)
        case InventoryCommitted(lines=lines):
            quantity = _quantity_of(stock.sku, lines)
            return _moved(stock, on_hand=-quantity, reserved=-quantity, shipped=quantity)
    return stock


def _quantity_of(sku: str, lines: Iterable[Line]) -> int:
    return sum(line.quantity for line in lines if line.sku == sku)


def _moved(stock: Stock, **by: int) -> Stock:
    return replace(stock, **{name: getattr(stock, name) + delta for name, delta in by.items()})
