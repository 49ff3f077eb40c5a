"""When to ship, when to refuse, and who wins when a cancellation and a shipment race."""

from functools import reduce

import pytest

from ecommerce.messages import Message
from orders.events import (
    CancellationReason,
    CancelledBy,
    Item,
    OrderCancellationRequested,
    OrderCancelled,
    OrderCreated,
    Sealed,
)
from payments.events import PaymentAuthorized
from shipping.domain import Pending, SealedAddress, Shipment, Status, decide, evolve
from shipping.events import (
    OrderShipped,
    ShipmentCancellationRejected,
    ShipmentCancelled,
    ShipmentCreated,
    ShipmentDelivered,
    ShippingFailed,
)
from shipping.messages import CarrierAccepted, CarrierDelivered, CarrierRefused

CREATED = OrderCreated(
    order_id="o1",
    customer_id="c1",
    items=(Item(sku="s1", quantity=1, unit_price=1999),),
    total_amount=1999,
    currency="USD",
    sealed=Sealed(key_id="k1", address="A", payment_token="T"),
)
PAID = PaymentAuthorized(order_id="o1", amount=1999, currency="USD")
BOOKING = ShipmentCreated(order_id="o1", carrier="sandbox")
ASKED = OrderCancellationRequested(order_id="o1", reason=CancelledBy.CUSTOMER)
ACCEPTED = CarrierAccepted(order_id="o1", tracking_number="T1")
REFUSED = CarrierRefused(order_id="o1", reason="ADDRESS_REFUSED")
HANDED_OVER = CarrierDelivered(order_id="o1")
SHIPPED = OrderShipped(order_id="o1", carrier="sandbox", tracking_number="T1")
FAILED = ShippingFailed(order_id="o1", reason="ADDRESS_REFUSED")
CANCELLED = ShipmentCancelled(order_id="o1", reason=CancelledBy.CUSTOMER)
REJECTED = ShipmentCancellationRejected(order_id="o1", reason="SHIPPED")
DELIVERED = ShipmentDelivered(order_id="o1")

AT_THE_CARRIER = (CREATED, PAID, BOOKING)


def after(*events: Message) -> Shipment:
    return reduce(evolve, events, Shipment(order_id="o1"))


def decided(shipment: Shipment, given: Message) -> list[Message]:
    return list(decide(shipment, given))


@pytest.mark.parametrize(("first", "last"), [(CREATED, PAID), (PAID, CREATED)])
def test_a_paid_order_goes_to_the_carrier_whichever_fact_comes_last(first: Message, last: Message) -> None:
    assert decided(Shipment(order_id="o1"), first) == []
    assert decided(after(first), last) == [BOOKING]


def test_the_carrier_is_asked_until_it_answers() -> None:
    assert after(*AT_THE_CARRIER).pending == Pending.BOOK
    assert after(*AT_THE_CARRIER, ACCEPTED, SHIPPED).pending == Pending.NOTHING
    assert after(*AT_THE_CARRIER, REFUSED, FAILED).pending == Pending.NOTHING


def test_it_keeps_the_address_and_not_the_card() -> None:
    assert after(CREATED).sealed == SealedAddress(key_id="k1", address="A")


def test_a_parcel_that_the_carrier_takes_has_shipped() -> None:
    assert decided(after(*AT_THE_CARRIER), ACCEPTED) == [SHIPPED]
    shipment = after(*AT_THE_CARRIER, ACCEPTED, SHIPPED)
    assert (shipment.status, shipment.tracking_number) == (Status.SHIPPED, "T1")


def test_a_parcel_that_the_carrier_refuses_has_failed() -> None:
    assert decided(after(*AT_THE_CARRIER), REFUSED) == [FAILED]
    shipment = after(*AT_THE_CARRIER, REFUSED, FAILED)
    assert (shipment.status, shipment.failure) == (Status.FAILED, "ADDRESS_REFUSED")


@pytest.mark.parametrize("known", [(), (CREATED,), (PAID,)])
def test_a_cancellation_before_the_carrier_is_asked_wins(known: tuple[Message, ...]) -> None:
    assert decided(after(*known), ASKED) == [CANCELLED]


def test_a_late_payment_after_a_cancellation_ships_nothing() -> None:
    assert decided(after(CREATED, ASKED, CANCELLED), PAID) == []
    assert decided(after(ASKED, CANCELLED, PAID), CREATED) == []


def test_a_cancellation_while_the_carrier_is_asked_is_only_remembered() -> None:
    assert decided(after(*AT_THE_CARRIER), ASKED) == []
    assert after(*AT_THE_CARRIER, ASKED).status == Status.BOOKING


def test_a_remembered_cancellation_is_rejected_when_the_carrier_accepts() -> None:
    assert decided(after(*AT_THE_CARRIER, ASKED), ACCEPTED) == [REJECTED, SHIPPED]


def test_a_remembered_cancellation_wins_when_the_carrier_refuses() -> None:
    assert decided(after(*AT_THE_CARRIER, ASKED), REFUSED) == [CANCELLED]


@pytest.mark.parametrize("end", [(SHIPPED,), (SHIPPED, DELIVERED)])
def test_a_cancellation_after_the_shipment_is_rejected(end: tuple[Message, ...]) -> None:
    assert decided(after(*AT_THE_CARRIER, ACCEPTED, *end), ASKED) == [REJECTED]


def test_a_cancellation_is_answered_once() -> None:
    assert decided(after(*AT_THE_CARRIER, ACCEPTED, SHIPPED, ASKED, REJECTED), ASKED) == []
    assert decided(after(ASKED, CANCELLED), ASKED) == []


def test_a_cancellation_after_a_failure_changes_nothing() -> None:
    assert decided(after(*AT_THE_CARRIER, REFUSED, FAILED), ASKED) == []


@pytest.mark.parametrize("verdict", [SHIPPED, FAILED, CANCELLED])
@pytest.mark.parametrize("late", [ACCEPTED, REFUSED, CREATED, PAID])
def test_after_the_verdict_nothing_that_arrives_gives_another(verdict: Message, late: Message) -> None:
    assert decided(after(*AT_THE_CARRIER, verdict), late) == []


def test_a_delivery_is_told_once() -> None:
    shipped = (*AT_THE_CARRIER, ACCEPTED, SHIPPED)
    assert decided(after(*shipped), HANDED_OVER) == [DELIVERED]
    assert decided(after(*shipped, HANDED_OVER, DELIVERED), HANDED_OVER) == []


def test_a_delivery_that_overtakes_the_acceptance_is_told_after_it() -> None:
    assert decided(after(*AT_THE_CARRIER), HANDED_OVER) == []
    assert decided(after(*AT_THE_CARRIER, HANDED_OVER), ACCEPTED) == [SHIPPED, DELIVERED]


def test_an_order_that_ended_elsewhere_leaves_no_shipment_waiting() -> None:
    ended = OrderCancelled(order_id="o1", reason=CancellationReason.PAYMENT_FAILED)
    assert decided(after(CREATED), ended) == []
    assert after(CREATED, ended).status == Status.CANCELLED
    assert after(*AT_THE_CARRIER, REFUSED, FAILED, ended).status == Status.FAILED
