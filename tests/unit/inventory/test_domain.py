"""Who gets which goods, and what is left on the shelf."""

from functools import reduce

import pytest

from ecommerce.messages import Message, Refused
from inventory.domain import (
    MOST_ON_HAND,
    Reservation,
    Status,
    Stock,
    decide,
    decide_stock,
    evolve,
    evolve_stock,
    names,
)
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
from orders.events import CancelledBy, Item, OrderCreated, Sealed
from payments.events import PaymentFailed
from shipping.events import OrderShipped, ShipmentCancelled, ShippingFailed

CANCELLING = [
    PaymentFailed(order_id="o1", reason="CARD_DECLINED", recoverable=True),
    ShippingFailed(order_id="o1", reason="ADDRESS_REFUSED"),
    ShipmentCancelled(order_id="o1", reason=CancelledBy.STAFF),
]
SHIPPED = OrderShipped(order_id="o1", carrier="sandbox", tracking_number="T1")
LINES = (Line(sku="s1", quantity=2), Line(sku="s2", quantity=1))
RESERVED = InventoryReserved(order_id="o1", lines=LINES)
RELEASED = InventoryReleased(order_id="o1", lines=LINES)
COMMITTED = InventoryCommitted(order_id="o1", lines=LINES)
FAILED = InventoryReservationFailed(order_id="o1", missing=(Shortage(sku="s1", requested=2, available=1),))


def ordered(*items: tuple[str, int]) -> OrderCreated:
    return OrderCreated(
        order_id="o1",
        customer_id="c1",
        items=tuple(Item(sku=sku, quantity=quantity, unit_price=100) for sku, quantity in items),
        total_amount=100,
        currency="USD",
        sealed=Sealed(key_id="k1", address="A", payment_token="T"),
    )


ORDERED = ordered(("s1", 2), ("s2", 1))


def shelf(*, available: int = 10, reserved: int = 0) -> dict[str, Stock]:
    on_hand = available + reserved
    return {
        sku: Stock(
            sku=sku, revision=1, on_hand=on_hand, available=available, reserved=reserved, received=on_hand, shipped=0
        )
        for sku in ("s1", "s2")
    }


def after(*events: Message) -> Reservation:
    return reduce(evolve, events, Reservation(order_id="o1"))


def stock_after(*events: Message) -> Stock:
    return reduce(evolve_stock, events, Stock(sku="s1"))


def decided(reservation: Reservation, given: Message, stock: dict[str, Stock]) -> list[Message]:
    return list(decide(reservation, given, stock))


def test_an_order_gets_what_is_there() -> None:
    assert decided(after(), ORDERED, shelf(available=2)) == [RESERVED]


def test_an_order_gets_all_or_nothing() -> None:
    stock = shelf(available=5) | {"s1": Stock(sku="s1", revision=1, available=1, on_hand=1, received=1)}
    assert decided(after(), ORDERED, stock) == [FAILED]


def test_lines_of_one_product_count_together() -> None:
    twice = ordered(("s1", 2), ("s2", 1), ("s1", 3))
    five = InventoryReserved(order_id="o1", lines=(Line(sku="s1", quantity=5), Line(sku="s2", quantity=1)))
    short = InventoryReservationFailed(order_id="o1", missing=(Shortage(sku="s1", requested=5, available=4),))
    assert decided(after(), twice, shelf(available=5)) == [five]
    assert decided(after(), twice, shelf(available=4)) == [short]


def test_an_unknown_product_is_missing() -> None:
    missing = (Shortage(sku="ghost", requested=1, available=0),)
    failed = InventoryReservationFailed(order_id="o1", missing=missing)
    assert decided(after(), ordered(("ghost", 1)), {"ghost": Stock(sku="ghost")}) == [failed]


@pytest.mark.parametrize("cancelling", CANCELLING)
def test_what_was_reserved_is_released_when_the_order_ends_early(cancelling: Message) -> None:
    assert decided(after(ORDERED, RESERVED), cancelling, shelf(reserved=2)) == [RELEASED]


@pytest.mark.parametrize("cancelling", CANCELLING)
def test_an_order_that_ends_before_it_is_known_is_answered_without_lines(cancelling: Message) -> None:
    answer = InventoryReleased(order_id="o1", lines=())
    assert decided(after(), cancelling, {}) == [answer]
    assert decided(after(cancelling, answer), ORDERED, shelf()) == []


@pytest.mark.parametrize("cancelling", CANCELLING)
@pytest.mark.parametrize("answer", [FAILED, RELEASED])
def test_inventory_answers_once(cancelling: Message, answer: Message) -> None:
    assert decided(after(ORDERED, answer), cancelling, shelf(reserved=2)) == []


def test_shipped_goods_leave_the_books() -> None:
    assert decided(after(ORDERED, RESERVED), SHIPPED, shelf(reserved=2)) == [COMMITTED]


@pytest.mark.parametrize("cancelling", CANCELLING)
def test_goods_that_left_are_not_released(cancelling: Message) -> None:
    assert decided(after(ORDERED, RESERVED, SHIPPED, COMMITTED), cancelling, shelf()) == []


def test_released_goods_do_not_leave() -> None:
    assert decided(after(ORDERED, RESERVED, RELEASED), SHIPPED, shelf(reserved=2)) == []


def test_a_shipment_read_before_its_order_is_settled_with_it() -> None:
    assert decided(after(), SHIPPED, {}) == []
    assert decided(after(SHIPPED), ORDERED, shelf(available=2)) == [RESERVED, COMMITTED]
    assert decided(after(SHIPPED), CANCELLING[0], {}) == []


def test_a_shipment_of_goods_that_are_not_there_is_an_error() -> None:
    with pytest.raises(ArithmeticError):
        decided(after(SHIPPED), ORDERED, shelf(available=1))


@pytest.mark.parametrize("given", [CANCELLING[0], SHIPPED])
def test_no_row_is_brought_below_zero(given: Message) -> None:
    with pytest.raises(ArithmeticError):
        decided(after(ORDERED, RESERVED), given, shelf(reserved=1))


def test_the_rows_of_an_order_are_those_of_its_items_and_later_of_its_lines() -> None:
    assert list(names(after(), ORDERED)) == ["s1", "s2"]
    assert list(names(after(ORDERED, RESERVED), SHIPPED)) == ["s1", "s2"]
    assert list(names(after(), SHIPPED)) == []


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (RESERVED, Status.RESERVED),
        (FAILED, Status.FAILED),
        (RELEASED, Status.RELEASED),
        (COMMITTED, Status.COMMITTED),
    ],
)
def test_a_reservation_is_what_was_said_of_it(event: Message, status: Status) -> None:
    assert after(ORDERED, event).status == status


ON_SALE = ProductUpserted(sku="s1", name="Lamp", price=1999, currency="USD", revision=1)
TEN_MORE = AdjustStock(sku="s1", delta=10, reason="delivery", by="staff")


def test_a_row_follows_its_goods() -> None:
    received = stock_after(ON_SALE, TEN_MORE)
    assert (received.on_hand, received.available, received.reserved) == (10, 10, 0)
    assert (received.received, received.shipped) == (10, 0)

    reserved = stock_after(ON_SALE, TEN_MORE, RESERVED)
    assert (reserved.on_hand, reserved.available, reserved.reserved) == (10, 8, 2)

    assert stock_after(ON_SALE, TEN_MORE, RESERVED, RELEASED) == received

    shipped = stock_after(ON_SALE, TEN_MORE, RESERVED, COMMITTED)
    assert (shipped.on_hand, shipped.available, shipped.reserved) == (8, 8, 0)
    assert (shipped.received, shipped.shipped) == (10, 2)


def test_a_row_is_the_same_in_whatever_order_histories_are_folded() -> None:
    assert stock_after(RESERVED, COMMITTED, ON_SALE, TEN_MORE) == stock_after(ON_SALE, TEN_MORE, RESERVED, COMMITTED)


def test_a_correction_counts_as_received_below_zero() -> None:
    row = stock_after(ON_SALE, TEN_MORE, AdjustStock(sku="s1", delta=-3, reason="broken", by="staff"))
    assert (row.on_hand, row.available, row.received) == (7, 7, 7)


def adjusted(row: Stock, delta: int) -> list[Message]:
    return list(decide_stock(row, AdjustStock(sku="s1", delta=delta, reason="count", by="staff")))


def test_what_is_reserved_cannot_be_taken_away() -> None:
    row = stock_after(ON_SALE, TEN_MORE, RESERVED)
    assert adjusted(row, -8) == []
    with pytest.raises(Refused) as refused:
        adjusted(row, -9)
    assert (refused.value.code, refused.value.field) == ("insufficient_stock", "delta")


def test_an_adjustment_of_nothing_is_none() -> None:
    with pytest.raises(Refused) as refused:
        adjusted(stock_after(ON_SALE), 0)
    assert (refused.value.code, refused.value.field) == ("nothing_to_adjust", "delta")


def test_a_product_that_nobody_sells_has_no_stock() -> None:
    with pytest.raises(Refused) as refused:
        adjusted(Stock(sku="s1"), 1)
    assert refused.value.code == "unknown_sku"


def test_stock_stays_within_what_the_database_can_hold() -> None:
    row = stock_after(ON_SALE)
    assert adjusted(row, MOST_ON_HAND) == []
    with pytest.raises(Refused) as refused:
        adjusted(row, MOST_ON_HAND + 1)
    assert refused.value.code == "too_much_stock"


def put(row: Stock, *, price: int = 1999, name: str = "Lamp", currency: str = "USD") -> list[Message]:
    return list(decide_stock(row, PutProduct(sku="s1", name=name, price=price, currency=currency)))


def test_a_new_product_and_each_change_is_a_revision() -> None:
    assert put(Stock(sku="s1")) == [ON_SALE]
    cheaper = ProductUpserted(sku="s1", name="Lamp", price=999, currency="USD", revision=2)
    assert put(stock_after(ON_SALE), price=999) == [cheaper]
    assert [event.revision for event in put(stock_after(ON_SALE), name="Torch")] == [2]  # type: ignore[attr-defined]
    assert [event.revision for event in put(stock_after(ON_SALE), currency="EUR")] == [2]  # type: ignore[attr-defined]


def test_the_same_product_again_is_no_news() -> None:
    assert put(stock_after(ON_SALE)) == []


@pytest.mark.parametrize("price", [0, -1])
def test_nothing_is_free(price: int) -> None:
    with pytest.raises(Refused) as refused:
        put(Stock(sku="s1"), price=price)
    assert (refused.value.code, refused.value.field) == ("invalid_price", "price")
