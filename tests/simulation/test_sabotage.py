"""A simulation that finds nothing proves nothing: each of these worlds is broken, and it finds out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import msgspec
import pytest

from ecommerce.messages import Message
from ecommerce.service import Decision, Service
from inventory.domain import Reservation, Stock
from inventory.events import InventoryCommitted, InventoryReleased
from inventory.service import INVENTORY
from orders.domain import Order, Product
from orders.events import CancellationReason, OrderCancellationRequested, OrderCancelled, OrderConfirmed
from orders.service import ORDERS
from payments.domain import Payment
from payments.events import PaymentCaptured, PaymentFailed, PaymentVoided
from payments.messages import CaptureRequested, ChargeDeclined, RefundRequested, VoidRequested
from payments.service import PAYMENTS
from shipping.domain import Shipment, Status
from shipping.events import OrderShipped, ShipmentCancellationRejected, ShipmentCancelled, ShippingFailed
from shipping.messages import CarrierRefused
from shipping.service import SHIPPING
from tests.simulation.node import Given, Node
from tests.simulation.promises import Broken
from tests.simulation.runs import fails_in, run_here
from tests.simulation.schedules import from_seed, shrink
from tests.simulation.world import SERVICES, World

SCHEDULES = 500

Decide = Callable[..., Decision]


def deciding(service: Service, decide: Decide) -> World:
    """A world in which a service decides otherwise about its orders."""
    first, *rest = service.aggregates
    broken = replace(service, aggregates=(replace(first, decide=decide), *rest))
    return World(services=[broken if each is service else each for each in SERVICES])


def never_making(service: Service, kind: type[Message]) -> World:
    """A world in which a service keeps one kind of event to itself."""
    decide = service.aggregates[0].decide
    return deciding(service, lambda *given: (event for event in decide(*given) if not isinstance(event, kind)))


def oversells(reservation: Reservation, given: Message, stock: Mapping[str, Stock]) -> Decision:
    plenty = {sku: msgspec.structs.replace(row, available=1000) for sku, row in stock.items()}
    return INVENTORY.aggregates[0].decide(reservation, given, plenty)


def forgets_what_it_did_not_reserve(reservation: Reservation, given: Message, stock: Mapping[str, Stock]) -> Decision:
    early = reservation.status == "PENDING" and isinstance(given, PaymentFailed | ShippingFailed | ShipmentCancelled)
    return iter(()) if early else INVENTORY.aggregates[0].decide(reservation, given, stock)


def guesses_that_nothing_is_held(payment: Payment, given: Message) -> Decision:
    for event in PAYMENTS.aggregates[0].decide(payment, given):
        guess = PaymentVoided(order_id=payment.order_id, amount=0, currency=payment.currency)
        yield guess if isinstance(event, VoidRequested) else event


def takes_an_erased_card_for_a_declined_one(payment: Payment, given: Message) -> Decision:
    if isinstance(given, ChargeDeclined):
        given = ChargeDeclined(order_id=given.order_id, reason="CARD_DECLINED")
    return PAYMENTS.aggregates[0].decide(payment, given)


def forgets_an_order_that_ended_before_it_began(payment: Payment, given: Message) -> Decision:
    early = payment.never_asked and isinstance(given, ShipmentCancelled)
    return iter(()) if early else PAYMENTS.aggregates[0].decide(payment, given)


def takes_the_money_twice(payment: Payment, given: Message) -> Decision:
    yield from PAYMENTS.aggregates[0].decide(payment, given)
    if isinstance(given, OrderShipped):
        yield PaymentCaptured(order_id=payment.order_id, amount=payment.amount, currency=payment.currency)


def cancels_what_the_carrier_may_have(shipment: Shipment, given: Message) -> Decision:
    if isinstance(given, OrderCancellationRequested) and shipment.status == Status.BOOKING:
        yield ShipmentCancelled(order_id=shipment.order_id, reason=given.reason)
    else:
        yield from SHIPPING.aggregates[0].decide(shipment, given)


def ships_what_a_late_payment_pays_for(shipment: Shipment, given: Message) -> Decision:
    if shipment.status == Status.CANCELLED:
        shipment = msgspec.structs.replace(shipment, status=Status.PENDING)
    return SHIPPING.aggregates[0].decide(shipment, given)


def forgets_a_cancellation_that_the_carrier_settles(shipment: Shipment, given: Message) -> Decision:
    return iter(()) if isinstance(given, CarrierRefused) else SHIPPING.aggregates[0].decide(shipment, given)


def waits_for_nobody(order: Order, given: Message, products: Mapping[str, Product]) -> Decision:
    for event in ORDERS.aggregates[0].decide(order, given, products):
        yield event
        if isinstance(event, OrderCancellationRequested):
            yield OrderCancelled(order_id=order.order_id, reason=CancellationReason(event.reason))


def waits_for_payments_only(order: Order, given: Message, products: Mapping[str, Product]) -> Decision:
    for event in ORDERS.aggregates[0].decide(order, given, products):
        if not isinstance(event, OrderCancelled):
            yield event
    if isinstance(given, PaymentVoided) and "ShipmentCancelled" in order.facts:
        yield OrderCancelled(order_id=order.order_id, reason=CancellationReason(order.cancellation_asked))


class WithoutMemory(Node):
    """Takes what it has taken before once more, as if it were new."""

    def take(self, inputs: Sequence[Given]) -> None:
        for given in inputs:
            fresh = given
            while fresh.id in self.log.get(fresh.message.key, ()):
                fresh = Given(f"{fresh.id} again", fresh.message)
            super().take([fresh])


BROKEN: Mapping[str, Callable[[], World]] = {
    "inventory never releases": partial(never_making, INVENTORY, InventoryReleased),
    "inventory never commits": partial(never_making, INVENTORY, InventoryCommitted),
    "payments never voids": partial(never_making, PAYMENTS, VoidRequested),
    "payments never captures": partial(never_making, PAYMENTS, CaptureRequested),
    "payments never fails": partial(never_making, PAYMENTS, PaymentFailed),
    "payments never refunds": partial(never_making, PAYMENTS, RefundRequested),
    "shipping never fails": partial(never_making, SHIPPING, ShippingFailed),
    "shipping never cancels": partial(never_making, SHIPPING, ShipmentCancelled),
    "shipping never rejects a cancellation": partial(never_making, SHIPPING, ShipmentCancellationRejected),
    "orders never confirms": partial(never_making, ORDERS, OrderConfirmed),
    "orders never cancels": partial(never_making, ORDERS, OrderCancelled),
    "services take a message twice": partial(World, node=WithoutMemory),
} | {
    decide.__name__.replace("_", " "): partial(deciding, service, decide)
    for service, decide in (
        (INVENTORY, oversells),
        (INVENTORY, forgets_what_it_did_not_reserve),
        (PAYMENTS, guesses_that_nothing_is_held),
        (PAYMENTS, takes_an_erased_card_for_a_declined_one),
        (PAYMENTS, forgets_an_order_that_ended_before_it_began),
        (PAYMENTS, takes_the_money_twice),
        (SHIPPING, cancels_what_the_carrier_may_have),
        (SHIPPING, ships_what_a_late_payment_pays_for),
        (SHIPPING, forgets_a_cancellation_that_the_carrier_settles),
        (ORDERS, waits_for_nobody),
        (ORDERS, waits_for_payments_only),
    )
}


@pytest.mark.parametrize("world", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_world_is_found_out(world: Callable[[], World]) -> None:
    seed = run_here(0, SCHEDULES, world).failed
    assert seed is not None
    with pytest.raises(Broken):
        world().run(from_seed(seed))


def test_a_failing_schedule_is_cut_down_to_what_it_takes() -> None:
    world = BROKEN["orders never confirms"]
    assert len(shrink(from_seed(0), fails_in(world))) == 1


def test_a_seed_gives_the_same_run_again() -> None:
    assert run_here(7, 1) == run_here(7, 1)
