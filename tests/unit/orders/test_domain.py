"""What the facts of all services add up to."""

from itertools import permutations

import pytest

from ecommerce.messages import Message, Refused
from inventory.events import (
    ProductUpserted,
)
from orders.domain import (
    MOST_EXPENSIVE,
    OrderLine,
    Product,
    SealedAddress,
    Status,
    decide_product,
    evolve_product,
    names,
)
from orders.events import (
    Item,
    OrderCreated,
)
from tests.unit.orders.facts import (
    ASKED,
    AUTHORIZED,
    BOOKING,
    CAPTURE_FAILED,
    CAPTURED,
    COMMITTED,
    COMPLETED,
    CONFIRMED,
    CREATED,
    DELIVERED,
    OUT_OF_STOCK,
    PAYMENT_FAILED,
    PRODUCTS,
    REFUNDED,
    REJECTED,
    RELEASED,
    RESERVED,
    SHIPPED,
    SHIPPING_FAILED,
    VOIDED,
    after,
    decided,
    lived,
    place,
)

# Placing


def test_an_order_is_placed_at_todays_prices() -> None:
    assert decided(after(), place(("s1", 2))) == [CREATED]


def test_the_same_product_on_two_lines_is_one_item_of_their_sum() -> None:
    (created,) = decided(after(), place(("s2", 1), ("s1", 1), ("s2", 2)))
    assert isinstance(created, OrderCreated)
    assert created.items == (
        Item(sku="s2", quantity=3, unit_price=500),
        Item(sku="s1", quantity=1, unit_price=1999),
    )
    assert created.total_amount == 3499


def test_an_order_that_is_placed_is_not_placed_again() -> None:
    assert decided(after(place(("s1", 2)), CREATED), place(("s2", 1))) == []
    assert after(place(("s1", 2)), CREATED, place(("s2", 1))) == after(place(("s1", 2)), CREATED)


@pytest.mark.parametrize(
    ("items", "code", "field"),
    [
        ([("s1", 1), ("ghost", 1)], "unknown_sku", "items[1].sku"),
        ([("ghost", 1)], "unknown_sku", "items[0].sku"),
        ([("s1", 1), ("euro", 1)], "mixed_currencies", "items[1].sku"),
        ([("s1", 1), ("s1", 0)], "invalid_quantity", "items[1].quantity"),
        ([("s2", MOST_EXPENSIVE // 500 + 1)], "invalid_total", "items"),
        ([], "invalid_total", "items"),
    ],
)
def test_an_order_that_cannot_be_is_refused(items: list[tuple[str, int]], code: str, field: str) -> None:
    with pytest.raises(Refused) as refused:
        decided(after(), place(*items))
    assert (refused.value.code, refused.value.field) == (code, field)


def test_it_keeps_the_address_and_not_the_card() -> None:
    order = after(place(("s1", 2)), CREATED)
    assert order.sealed == SealedAddress(key_id="k1", address="A")
    assert order.items == (OrderLine(sku="s1", quantity=2, unit_price=1999),)
    assert (order.customer_id, order.total_amount, order.currency) == ("c1", 3998, "USD")
    assert order.fingerprint == "f1"


def test_only_a_new_order_asks_for_prices() -> None:
    assert list(names(after(), place(("s2", 1), ("s1", 1)))) == ["s2", "s1"]
    assert list(names(after(CREATED), RESERVED)) == []


# The way to the customer


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ([], Status.PENDING),
        ([RESERVED], Status.RESERVED),
        ([RESERVED, AUTHORIZED], Status.PAID),
        ([AUTHORIZED], Status.PAID),
        ([RESERVED, AUTHORIZED, BOOKING], Status.PAID),
        ([RESERVED, AUTHORIZED, SHIPPED], Status.SHIPPED),
        ([SHIPPED], Status.SHIPPED),
        ([RESERVED, AUTHORIZED, SHIPPED, CAPTURED], Status.SHIPPED),
        ([RESERVED, AUTHORIZED, SHIPPED, CAPTURED, COMMITTED], Status.COMPLETED),
        ([RESERVED, AUTHORIZED, SHIPPED, CAPTURED, COMMITTED, DELIVERED], Status.DELIVERED),
        ([RESERVED, AUTHORIZED, SHIPPED, DELIVERED], Status.SHIPPED),
        ([RESERVED, AUTHORIZED, SHIPPED, CAPTURED, COMMITTED, REFUNDED], Status.COMPLETED),
        ([OUT_OF_STOCK], Status.CANCELLING),
        ([PAYMENT_FAILED], Status.CANCELLING),
        ([SHIPPING_FAILED], Status.CANCELLING),
        ([RELEASED], Status.CANCELLING),
        ([VOIDED], Status.CANCELLING),
        ([RESERVED, AUTHORIZED, ASKED], Status.CANCELLING),
        ([RESERVED, AUTHORIZED, ASKED, REJECTED], Status.PAID),
        ([RESERVED, AUTHORIZED, ASKED, SHIPPED], Status.SHIPPED),
        ([OUT_OF_STOCK, VOIDED], Status.CANCELLED),
    ],
)
def test_the_status_is_what_the_facts_add_up_to(facts: list[Message], status: Status) -> None:
    assert lived(*facts)[0].status == status


def test_an_order_says_that_it_is_confirmed_and_completed_once() -> None:
    order, said = lived(RESERVED, AUTHORIZED, BOOKING, SHIPPED, CAPTURED, COMMITTED, DELIVERED, REFUNDED)
    assert said == [CONFIRMED, COMPLETED]
    assert (order.carrier, order.tracking_number) == ("sandbox", "T1")


def test_topics_may_be_ahead_of_each_other() -> None:
    ends = set()
    for facts in permutations([RESERVED, AUTHORIZED, SHIPPED, CAPTURED, COMMITTED]):
        order, said = lived(*facts)
        ends.add((order.status, *said))
    assert ends == {(Status.COMPLETED, CONFIRMED, COMPLETED)}


@pytest.mark.parametrize("missing", [SHIPPED, CAPTURED, COMMITTED, AUTHORIZED])
def test_an_order_is_not_completed_while_anything_is_missing(missing: Message) -> None:
    facts = [fact for fact in (RESERVED, AUTHORIZED, SHIPPED, CAPTURED, COMMITTED) if fact is not missing]
    assert COMPLETED not in lived(*facts)[1]


def test_a_failed_capture_needs_staff_until_one_succeeds() -> None:
    failing, said = lived(RESERVED, AUTHORIZED, SHIPPED, COMMITTED, CAPTURE_FAILED)
    assert (failing.status, failing.attention, said) == (Status.SHIPPED, "CAPTURE_FAILED", [CONFIRMED])
    order, said = lived(RESERVED, AUTHORIZED, SHIPPED, COMMITTED, CAPTURE_FAILED, CAPTURED)
    assert (order.status, order.attention, said) == (Status.COMPLETED, "", [CONFIRMED, COMPLETED])


def test_a_fact_seen_twice_is_one_fact() -> None:
    assert lived(RESERVED, RESERVED)[0].facts == ("OrderCreated", "InventoryReserved")


def test_facts_that_come_before_their_order_wait_for_it() -> None:
    assert decided(after(RESERVED), AUTHORIZED) == []
    assert decided(after(RESERVED, AUTHORIZED), place(("s1", 2))) == [CREATED, CONFIRMED]


# Prices


def upserted(price: int, revision: int) -> ProductUpserted:
    return ProductUpserted(sku="s1", name="Lamp", price=price, currency="USD", revision=revision)


def test_the_latest_revision_of_a_product_is_the_truth() -> None:
    product = evolve_product(Product(sku="s1"), upserted(1999, 1))
    assert product == Product(sku="s1", name="Lamp", price=1999, currency="USD", revision=1)
    assert evolve_product(product, upserted(999, 3)).price == 999
    assert evolve_product(evolve_product(product, upserted(999, 3)), upserted(1500, 2)).price == 999
    assert list(decide_product(product, upserted(999, 2))) == []


def test_an_order_leaves_the_products_as_they_are() -> None:
    assert evolve_product(PRODUCTS["s1"], CREATED) is PRODUCTS["s1"]
