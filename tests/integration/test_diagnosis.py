"""Each cause that holds an order up is planted, and named with what may be done, alike everywhere it is told."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ecommerce import diagnosis, identity
from ecommerce.heartbeats import Heartbeat, tell
from ecommerce.leases import Lease
from ecommerce.registry import engine, services
from orders.models import Order
from tests.integration.clerks import clerk, page, text
from tests.integration.parking import Feed, created, dlq, reserved
from tests.integration.people import Person, staff
from tests.integration.saga import Saga

ORDER = "order-1"


@pytest.fixture
def saga(databases: None) -> Saga:
    saga = Saga()
    saga.stock()
    saga.place(ORDER)
    return saga


def told(kind: str, service: str, subject: str, **values: Any) -> None:
    """As a process that lives tells it."""
    beat = Heartbeat(service=service, kind=kind, subject=subject, values=lambda: values)
    tell(engine(service).database, beat, holder="a process")


def delivered(saga: Saga) -> None:
    """All events are taken, up to the question to the gateway."""
    while saga.deliver():
        pass


def not_relayed(saga: Saga) -> None:
    """The relay is not there."""


def frozen_relay(saga: Saga) -> None:
    Lease(engine("orders").database, "relay").take()


def lost_consumer(saga: Saga) -> None:
    engine("orders").database["outbox"].delete_many({})  # it is on its topic, and nobody reads


def slow_consumer(saga: Saga) -> None:
    lost_consumer(saga)
    told("consumer", "inventory", "inventory", lag_seconds=0.0)


def poisoned(saga: Saga) -> None:
    feed = Feed(saga.engines["payments"])
    feed.spoil(created(ORDER))
    feed.give(reserved(ORDER))


def open_breaker(saga: Saga) -> None:
    delivered(saga)
    told("breaker", "payments", "gateway", state="open")


def no_worker(saga: Saga) -> None:
    delivered(saga)


def silent_gateway(saga: Saga) -> None:
    delivered(saga)
    told("breaker", "payments", "gateway", state="closed")


def near_deadline(saga: Saga) -> None:
    delivered(saga)
    Order.objects.filter(pk=ORDER).update(created_at=identity.now() - timedelta(seconds=110))


CAUSES: list[tuple[Callable[[Saga], None], str, str, str]] = [
    (not_relayed, "inventory", "no relay holds the lease", "are relay and beat running?"),
    (frozen_relay, "inventory", "the relay has not had Kafka's acknowledgement", "is Kafka up?"),
    (lost_consumer, "inventory", "no consumer of inventory is alive", "is consumer-inventory running?"),
    (slow_consumer, "inventory", "it is on its way", "wait a moment"),
    (poisoned, "payments", "cannot take OrderCreated", "manage.py dlq show payments:"),
    (poisoned, "payments", "1 later messages wait behind that", "they follow"),
    (open_breaker, "payments", "the circuit breaker of gateway is open", "it tries again by itself"),
    (no_worker, "payments", "the breaker of no worker is known", "is worker-payments running?"),
    (silent_gateway, "payments", "it has not answered yet", "its deadline ends it otherwise"),
    (near_deadline, "orders", "ends it by its deadline", "is worker running"),
]


@pytest.mark.parametrize(("plant", "service", "cause", "action"), CAUSES)
def test_a_cause_is_named_with_what_may_be_done(
    saga: Saga, plant: Callable[[Saga], None], service: str, cause: str, action: str
) -> None:
    plant(saga)
    found = diagnosis.findings(ORDER, services(), diagnosis.known(ORDER, services()))
    assert [each for each in found if each.service == service and cause in str(each) and action in each.action], found


def test_an_order_that_has_ended_waits_for_nothing(saga: Saga) -> None:
    saga.settle()
    assert diagnosis.findings(ORDER, services(), diagnosis.known(ORDER, services())) == []
    assert "it waits for nothing" in explained()


def explained(order_id: str = ORDER) -> str:
    out = StringIO()
    call_command("explain_order", order_id, stdout=out)
    return out.getvalue()


def test_it_is_told_alike_by_the_command_the_api_and_the_admin(saga: Saga) -> None:
    worker, cause = staff("worker", is_superuser=True), "no relay holds the lease"
    answer = worker.get(f"/api/v1/orders/{ORDER}/diagnosis")
    assert answer.status_code == 200
    assert (answer.json()["orderId"], answer.json()["status"]) == (ORDER, "PENDING")
    (first, *_) = answer.json()["findings"]
    assert cause in first["cause"]
    assert cause in explained()
    assert cause in text(clerk("root", is_superuser=True), page(Order, "change", ORDER))


def test_it_is_for_those_who_may_read_orders(saga: Saga) -> None:
    path = f"/api/v1/orders/{ORDER}/diagnosis"
    assert Person().get(path).status_code == 401
    assert staff("clerk").get(path).status_code == 403
    assert staff("boss", is_superuser=True).get("/api/v1/orders/none/diagnosis").status_code == 404


def test_a_letter_is_named_as_the_api_names_it(saga: Saga) -> None:
    poisoned(saga)
    found = staff("boss", is_superuser=True).get(f"/api/v1/orders/{ORDER}/diagnosis").json()["findings"]
    (letter,) = [each["deadLetter"] for each in found if each["deadLetter"]]
    listed = staff("other", is_superuser=True).get("/api/v1/dead-letters").json()["results"]
    assert letter in [each["id"] for each in listed]


def test_the_command_that_it_names_shows_the_letter(saga: Saga) -> None:
    poisoned(saga)
    _, _, named = explained().partition("→ manage.py dlq ")
    assert "OrderCreated" in dlq(*named.partition(";")[0].split())


def test_an_order_that_nobody_knows_is_told_so(databases: None) -> None:
    with pytest.raises(CommandError, match="no log has an order none"):
        call_command("explain_order", "none")
