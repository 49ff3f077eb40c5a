"""What /metrics tells of other processes, and that it tells it, or nothing, without waiting for anybody."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from ecommerce import heartbeats, identity, sources, storage
from ecommerce.heartbeats import Heartbeat, Pulse, tell, watched
from ecommerce.outside import CLOSED, HALF_OPEN, OPEN, Outside, Unavailable
from ecommerce.registry import engine
from payments.events import PaymentAuthorized
from tests.integration.consuming import AT, Topic, created, envelope_of
from tests.sandbox import free_port
from tests.servers import Servers
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("databases")


def scraped(name: str, **labels: str) -> list[tuple[dict[str, str], float]]:
    """The labels and values of the samples of a metric that have these labels."""
    text = Client().get("/metrics").content.decode()
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return [
        (each.labels, each.value) for each in samples if each.name == name and labels.items() <= each.labels.items()
    ]


def value(name: str, **labels: str) -> float | None:
    found = scraped(name, **labels)
    assert len(found) <= 1
    return found[0][1] if found else None


def state(party: str, service: str = "payments") -> str | None:
    """The one state of a breaker that is 1."""
    found = scraped("circuit_breaker_state", service=service, party=party)
    assert len(found) in (0, 3)
    ones = [labels["state"] for labels, value in found if value == 1]
    assert len(ones) == (1 if found else 0)
    return ones[0] if ones else None


def beat(
    values: dict[str, Any], *, kind: str = "breaker", subject: str = "bank", service: str = "payments"
) -> Heartbeat:
    return Heartbeat(service=service, kind=kind, subject=subject, values=lambda: values)


def told(holder: str, given: Heartbeat) -> None:
    tell(engine(given.service).database, given, holder=holder)


def ages(holder: str, seconds: float, service: str = "payments") -> None:
    """Puts the last sign of life of a process so far back."""
    at = {"$dateSubtract": {"startDate": "$$NOW", "unit": "millisecond", "amount": int(seconds * 1000)}}
    done = engine(service).database[storage.HEARTBEATS].update_many({"holder": holder}, [{"$set": {"at": at}}])
    assert done.matched_count == 1


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    """A party that nobody answers for, watched by a process of its own."""
    own = Pulse()
    monkeypatch.setattr(heartbeats, "pulse", lambda: own)
    outside = Outside("nobody", f"http://127.0.0.1:{free_port()}", attempts=1, failures=2, reset_seconds=3600)
    yield watched(outside, service="payments")
    own.stop()


def test_a_breaker_that_opens_and_closes_is_seen_to_at_once(nobody: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    until("it to be seen closed", lambda: state("nobody") == CLOSED)
    for name in ("EVERY", "ALIVE_SECONDS"):  # not at the next heartbeat: there is none
        monkeypatch.setattr(heartbeats, name, 3600.0)
    nobody.breaker.on_change()  # which starts the long wait
    for _ in range(2):
        with pytest.raises(Unavailable):
            nobody.get("/")
    assert nobody.breaker.state == OPEN
    until("it to be seen open", lambda: state("nobody") == OPEN)
    nobody.breaker._machine.close()
    until("it to be seen closed again", lambda: state("nobody") == CLOSED)


def test_of_several_processes_the_worst_is_seen_and_of_dead_ones_nothing() -> None:
    for holder, its in (("a", CLOSED), ("b", OPEN), ("c", HALF_OPEN)):
        told(holder, beat({"state": its, "failures": 0}))
    until("the worst", lambda: state("bank") == OPEN)
    ages("b", heartbeats.ALIVE_SECONDS + 1)
    until("the worst that lives", lambda: state("bank") == HALF_OPEN)
    ages("c", heartbeats.ALIVE_SECONDS + 1)
    until("the one that lives", lambda: state("bank") == CLOSED)
    ages("a", heartbeats.ALIVE_SECONDS + 1)
    until("none", lambda: state("bank") is None)


def test_what_nobody_has_written_for_a_day_is_removed() -> None:
    told("a", beat({"state": CLOSED, "failures": 0}))
    told("b", beat({"state": CLOSED, "failures": 0}))
    ages("b", 25 * 3600)
    database = engine("payments").database
    heartbeats.forget_the_dead(database)
    assert [each["holder"] for each in database[storage.HEARTBEATS].find({"subject": "bank"})] == ["a"]


def test_a_process_without_mongodb_goes_on_and_tells_later(nobody: Outside, servers: Servers) -> None:
    until("it to be seen closed", lambda: state("nobody") == CLOSED)
    servers.mongo.pause()
    try:
        for _ in range(2):
            with pytest.raises(Unavailable):
                nobody.get("/")
        assert nobody.breaker.state == OPEN
    finally:
        servers.mongo.resume()
    until("it to be seen open", lambda: state("nobody") == OPEN)


def test_the_longest_lag_of_a_services_consumers_is_seen() -> None:
    for holder, seconds in (("a", 0.5), ("b", 2.5)):
        told(holder, beat({"lag_seconds": seconds}, kind="consumer", subject="orders", service="orders"))
    until("the longest", lambda: value("consumer_lag_seconds", service="orders") == 2.5)
    assert value("consumer_lag_seconds", service="payments") is None


def test_messages_that_were_not_taken_are_counted() -> None:
    topic = Topic()
    topic.skip_to_end(engine("payments"))
    until("nothing to be left", lambda: value("consumer_lag_messages", service="payments") == 0)
    topic.put(created("o1"), created("o2"))
    until("two to be left", lambda: value("consumer_lag_messages", service="payments") == 2)


def test_questions_without_an_answer_are_counted() -> None:
    for order in ("o1", "o2"):
        paid = PaymentAuthorized(order_id=order, amount=100, currency="USD")
        for event in (created(order), paid):
            engine("shipping").execute(event, id=envelope_of(event).event_id, at=AT)
    until("two", lambda: value("pending_questions", service="shipping") == 2)
    assert value("pending_questions", service="payments") == 0
    assert value("pending_questions", service="orders") is None  # it asks nobody


def test_orders_that_have_outlived_their_deadline_are_counted_and_those_that_have_ended_are_not() -> None:
    late = identity.now() - settings.ORDER_DEADLINE - sources.STUCK_AFTER - timedelta(seconds=5)
    soon = late + timedelta(seconds=60)
    for key, status, at in (("o1", "PENDING", late), ("o2", "PENDING", soon), ("o3", "COMPLETED", late)):
        stored = {"_id": key, "status": status, "created_at": at, "customer_id": "c"}
        engine("orders").database["orders"].insert_one(stored)
    until("the one", lambda: value("stuck_orders", service="orders") == 1)
    assert value("stuck_orders", service="payments") is None


def test_what_lies_in_an_outbox_is_counted_with_its_age() -> None:
    until("nothing", lambda: value("outbox_documents", service="orders") == 0)
    assert value("outbox_oldest_seconds", service="orders") == 0
    old = identity.milliseconds(identity.now()) - 60_000
    engine("orders").database["outbox"].insert_one({"_id": f"{old:015d}-0", "messages": []})
    until("its age", lambda: 60 <= (value("outbox_oldest_seconds", service="orders") or 0) < 240)
    assert value("relay_lease_held", service="orders") == 0


@pytest.mark.parametrize(("name", "other"), [("mongo", "kafka"), ("kafka", "mongo")])
def test_a_source_that_is_frozen_is_said_to_be_and_the_rest_is_there(servers: Servers, name: str, other: str) -> None:
    server = getattr(servers, name)
    until(
        "both", lambda: value("pipeline_source_up", source="mongo") == value("pipeline_source_up", source="kafka") == 1
    )
    server.pause()
    try:
        until("one to be away", lambda: value("pipeline_source_up", source=name) == 0)
        until("the other", lambda: value("pipeline_source_up", source=other) == 1)
        assert scraped("consumer_lag_messages") == []
        assert scraped("python_info")
    finally:
        server.resume()
    until("all again", lambda: len(scraped("consumer_lag_messages")) == 4)
