"""What the services' tables say of themselves is so."""

import pytest

from ecommerce.messages import Event
from ecommerce.service import Service
from inventory.service import INVENTORY
from orders.service import ORDERS
from payments.service import PAYMENTS
from shipping.service import SHIPPING
from tests.unit.orders import facts

SERVICES = (ORDERS, INVENTORY, PAYMENTS, SHIPPING)
EXAMPLES: dict[type[Event], Event] = {
    type(each): each for each in (facts.CREATED, facts.RESERVED, facts.AUTHORIZED, facts.BOOKING, facts.SHIPPED)
}


def _waiting() -> list[tuple[Service, type[Event]]]:
    return [(service, kind) for service in SERVICES for kind in service.can_wait]


@pytest.mark.parametrize(("service", "kind"), _waiting(), ids=lambda it: getattr(it, "name", None) or it.__name__)
def test_from_what_can_wait_alone_nothing_follows(service: Service, kind: type[Event]) -> None:
    aggregate, event = service.taker[kind], EXAMPLES[kind]
    beside = ({},) if aggregate.beside else ()
    assert [*aggregate.decide(aggregate.initial("o1"), event, *beside)] == []
    assert aggregate.evolve(aggregate.initial("o1"), event) != aggregate.initial("o1")  # it is noted


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_event_that_is_taken_is_urgent_or_can_wait(service: Service) -> None:
    waiting = {kind.__name__ for kind in service.can_wait}
    assert service.urgent | waiting == {kind.__name__ for kind in service.events_taken}
    assert not service.urgent & waiting
    assert service.urgent
