"""How an order ends early, and when it no longer can."""

import pytest

from ecommerce.messages import Message, Refused
from orders.domain import (
    Status,
    evolve,
)
from orders.events import (
    CancellationReason,
    CancelledBy,
    OrderCancellationRequested,
    OrderCancelled,
)
from orders.messages import CancelOrder
from shipping.events import (
    ShipmentCancelled,
)
from tests.unit.orders.facts import (
    ASKED,
    AUTHORIZED,
    BOOKING,
    CAPTURED,
    COMMITTED,
    COMPLETED,
    CONFIRMED,
    CREATED,
    DELIVERED,
    EXPIRED,
    OUT_OF_STOCK,
    PAYMENT_FAILED,
    REJECTED,
    RELEASED,
    RESERVED,
    SHIPMENT_CANCELLED,
    SHIPPED,
    SHIPPING_FAILED,
    VOIDED,
    after,
    cancelled,
    decided,
    lived,
)

# Ending early


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ([OUT_OF_STOCK, VOIDED], CancellationReason.OUT_OF_STOCK),
        ([RESERVED, PAYMENT_FAILED, RELEASED], CancellationReason.PAYMENT_FAILED),
        ([RESERVED, AUTHORIZED, SHIPPING_FAILED, VOIDED, RELEASED], CancellationReason.SHIPPING_FAILED),
        ([RESERVED, ASKED, SHIPMENT_CANCELLED, VOIDED, RELEASED], CancellationReason.STAFF),
        # The first cancelling fact gives the reason; answers may be seen before it.
        ([ASKED, OUT_OF_STOCK, SHIPMENT_CANCELLED, VOIDED], CancellationReason.OUT_OF_STOCK),
        ([ASKED, SHIPMENT_CANCELLED, PAYMENT_FAILED, RELEASED], CancellationReason.STAFF),
        ([ASKED, RELEASED, VOIDED, SHIPMENT_CANCELLED], CancellationReason.STAFF),
        ([RELEASED, PAYMENT_FAILED], CancellationReason.PAYMENT_FAILED),
    ],
)
def test_an_order_is_cancelled_when_both_have_answered(facts: list[Message], reason: CancellationReason) -> None:
    before, last = facts[:-1], facts[-1]
    almost, said = lived(*before)
    assert (almost.status, [event for event in said if isinstance(event, OrderCancelled)]) == (Status.CANCELLING, [])
    assert decided(almost, last) == [cancelled(reason)]
    order, _ = lived(*facts)
    assert (order.status, order.cancellation_reason) == (Status.CANCELLED, reason)


@pytest.mark.parametrize("late", [SHIPMENT_CANCELLED, RELEASED, AUTHORIZED, RESERVED, EXPIRED])
def test_what_arrives_after_the_end_changes_nothing(late: Message) -> None:
    order, _ = lived(OUT_OF_STOCK, VOIDED)
    assert decided(order, late) == []
    assert evolve(order, late).status == Status.CANCELLED


def test_why_the_gateway_or_the_carrier_refused_is_kept() -> None:
    assert after(CREATED, PAYMENT_FAILED).failure == "CARD_DECLINED"
    assert after(CREATED, SHIPPING_FAILED).failure == "ADDRESS_REFUSED"


# Cancelling


@pytest.mark.parametrize("facts", [[], [RESERVED], [RESERVED, AUTHORIZED], [RESERVED, AUTHORIZED, BOOKING]])
@pytest.mark.parametrize("by", [CancelledBy.CUSTOMER, CancelledBy.STAFF])
def test_an_order_that_has_not_shipped_may_be_cancelled(facts: list[Message], by: CancelledBy) -> None:
    order, _ = lived(*facts)
    asked = OrderCancellationRequested(order_id="o1", reason=by)
    assert decided(order, CancelOrder(order_id="o1", by=by)) == [asked]


@pytest.mark.parametrize("facts", [[SHIPPED], [ASKED, REJECTED], [AUTHORIZED, SHIPPED, CAPTURED, COMMITTED, DELIVERED]])
def test_an_order_that_has_shipped_may_not(facts: list[Message]) -> None:
    order, _ = lived(*facts)
    with pytest.raises(Refused) as refused:
        decided(order, CancelOrder(order_id="o1", by=CancelledBy.STAFF))
    assert refused.value.code == "already_shipped"
    assert decided(order, EXPIRED) == []


@pytest.mark.parametrize("facts", [[ASKED], [OUT_OF_STOCK], [PAYMENT_FAILED], [RELEASED], [OUT_OF_STOCK, VOIDED]])
def test_an_order_that_is_being_cancelled_needs_no_second_request(facts: list[Message]) -> None:
    order, _ = lived(*facts)
    assert decided(order, CancelOrder(order_id="o1", by=CancelledBy.CUSTOMER)) == []
    assert decided(order, EXPIRED) == []


def test_nobody_can_cancel_what_is_not_there() -> None:
    with pytest.raises(Refused) as refused:
        decided(after(), CancelOrder(order_id="o1", by=CancelledBy.CUSTOMER))
    assert refused.value.code == "not_found"
    assert decided(after(), EXPIRED) == []


def test_an_order_whose_time_is_up_is_cancelled() -> None:
    asked = OrderCancellationRequested(order_id="o1", reason=CancelledBy.TIMEOUT)
    assert decided(after(CREATED), EXPIRED) == [asked]
    by_timeout = ShipmentCancelled(order_id="o1", reason=CancelledBy.TIMEOUT)
    assert lived(EXPIRED, by_timeout, RELEASED, VOIDED)[1] == [asked, cancelled(CancellationReason.TIMEOUT)]


def test_an_order_is_not_confirmed_while_its_cancellation_is_open() -> None:
    assert lived(RESERVED, ASKED, AUTHORIZED)[1] == []
    assert lived(RESERVED, ASKED, AUTHORIZED, SHIPMENT_CANCELLED)[1] == []
    assert lived(RELEASED, AUTHORIZED)[1] == []


@pytest.mark.parametrize("answer", [REJECTED, SHIPPED])
def test_an_order_whose_cancellation_came_too_late_is_confirmed_then(answer: Message) -> None:
    assert lived(RESERVED, ASKED, AUTHORIZED, answer)[1] == [CONFIRMED]


def test_an_order_whose_cancellation_came_too_late_completes() -> None:
    facts = [RESERVED, ASKED, AUTHORIZED, REJECTED, SHIPPED, CAPTURED, COMMITTED]
    assert lived(*facts)[1] == [CONFIRMED, COMPLETED]
