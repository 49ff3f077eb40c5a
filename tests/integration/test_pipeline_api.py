"""What the dashboard is told of the pipeline, and that what is not known is null."""

from collections.abc import Iterator
from typing import Any

import pytest

from ecommerce import identity, outbox
from ecommerce.audit import scheduled
from ecommerce.environment import SERVICES
from ecommerce.heartbeats import Heartbeat, tell
from ecommerce.leases import Lease
from ecommerce.memory import key, memory
from ecommerce.registry import engine
from frontend import figures
from frontend.figures import Figures
from tests.integration.consuming import Topic, created, envelope_of
from tests.integration.parking import Feed
from tests.integration.parking import created as created_by
from tests.integration.people import Person, customer, problem_of, staff
from tests.servers import Servers
from tests.waiting import until, until_equal

PIPELINE = "/api/v1/pipeline"
FIGURES = Figures(
    placed=1.5,
    completed=1.2,
    cancelled=0.1,
    in_flight=7,
    published={"orders": 3.0},
    p50=0.1,
    p95=0.2,
    p99=0.3,
    count=12,
)


@pytest.fixture
def clerk(databases: None) -> Person:
    return staff("clerk", "operator")


@pytest.fixture
def counted(servers: Servers) -> Iterator[None]:
    figures.keep(FIGURES)
    yield
    memory(patience=1.0).delete(key("live", "figures"))


def seen(clerk: Person) -> Any:
    answer = clerk.get(PIPELINE)
    assert answer.status_code == 200, answer.content
    return answer.json()


def service(clerk: Person, name: str) -> Any:
    return next(each for each in seen(clerk)["services"] if each["name"] == name)


def told(of: str, kind: str, subject: str, **values: Any) -> None:
    beat = Heartbeat(service=of, kind=kind, subject=subject, values=lambda: values)
    tell(engine(of).database, beat, holder=subject)


def test_a_quiet_pipeline_is_seen_to_be(clerk: Person) -> None:
    for name in SERVICES:
        Topic().skip_to_end(engine(name))
    quiet = {"consumers": 0, "lagMessages": 0, "lagSeconds": None, "outboxDepth": 0, "outboxSeconds": 0.0}
    quiet |= {"deadLetters": 0, "pending": None, "publishedPerSecond": None}
    asks = {"payments", "shipping"}  # somebody outside
    expected = {
        "services": [{"name": name, **quiet, "pending": 0 if name in asks else None} for name in SERVICES],
        "breakers": [],
        "relays": [{"service": name, "held": False} for name in SERVICES],
        "orders": dict.fromkeys(("placedPerSecond", "completedPerSecond", "cancelledPerSecond", "inFlight")),
        "latency": {"p50": None, "p95": None, "p99": None, "count": 0},
        "audit": None,
        "sources": {"mongo": True, "kafka": True, "projection": False},
    }
    until_equal(expected, lambda: {name: said for name, said in seen(clerk).items() if name != "at"})


def test_what_services_and_processes_say_of_themselves_is_put_together(clerk: Person, counted: None) -> None:
    told("payments", "breaker", "gateway", state="open", failures=5)
    told("payments", "consumer", "payments", lag_seconds=2.5)
    told("orders", "consumer", "orders", lag_seconds=0.25)
    Lease(engine("payments").database, "relay", seconds=60).take()
    engine("payments").execute(created("o1"), id=envelope_of(created("o1")).event_id)
    Feed(engine("orders")).spoil(created_by("o2"))  # which also leaves a copy for the dead letter topic
    # What a reading counts first may be older than what it counts last, and each source has readings of its own.
    until("all of it", lambda: {"deadLetters": 1, "outboxDepth": 1}.items() <= service(clerk, "orders").items())
    until("the figures", lambda: bool(seen(clerk)["sources"]["projection"]))
    now = seen(clerk)
    orders, _, payments, _ = now["services"]
    assert (orders["consumers"], orders["lagSeconds"], orders["outboxDepth"]) == (1, 0.25, 1)
    assert orders["outboxSeconds"] > 0
    assert (orders["publishedPerSecond"], payments["publishedPerSecond"]) == (3.0, 0.0)
    assert (payments["consumers"], payments["lagSeconds"]) == (1, 2.5)
    assert now["breakers"] == [{"service": "payments", "party": "gateway", "state": "open"}]
    assert [each["held"] for each in now["relays"]] == [False, False, True, False]
    assert now["orders"] == {
        "placedPerSecond": 1.5, "completedPerSecond": 1.2, "cancelledPerSecond": 0.1, "inFlight": 7
    }  # fmt: skip
    assert now["latency"] == {"p50": 0.1, "p95": 0.2, "p99": 0.3, "count": 12}
    assert now["sources"]["projection"] is True


def test_the_depth_of_an_outbox_is_right_after_mongodb_has_crashed(clerk: Person, servers: Servers) -> None:
    box = engine("orders").database["outbox"]

    def counts_wrong() -> bool:
        box.insert_many([outbox.document(stamp, []) for stamp in range(50)])
        box.database.client.admin.command("fsync")
        box.delete_many({})
        box.insert_one(outbox.document(51, []))
        servers.mongo.kill()
        servers.mongo.start()
        return box.estimated_document_count() != 1

    assert any(counts_wrong() for _ in range(10)), "MongoDB counts right: nothing is tried here"
    until("the one to be counted", lambda: service(clerk, "orders")["outboxDepth"] == 1)
    box.delete_many({})
    until("nothing to be left", lambda: service(clerk, "orders")["outboxDepth"] == 0)


def test_the_last_audit_is_seen(clerk: Person) -> None:
    result = scheduled.run()
    assert result is not None
    until("it to be seen", lambda: seen(clerk)["audit"] is not None)
    audit = seen(clerk)["audit"]
    assert (audit["violations"], audit["orders"], audit["whole"]) == (0, 0, True)
    assert audit["seconds"] == result.seconds
    assert audit["at"][:19] == result.at.isoformat()[:19]


@pytest.mark.parametrize("name", ["mongo", "kafka"])
def test_a_source_that_is_frozen_is_said_to_be_and_the_rest_is_there(
    clerk: Person, servers: Servers, name: str
) -> None:
    def answers(source: str) -> bool:
        return bool(seen(clerk)["sources"][source])

    until("all", lambda: answers("mongo") and answers("kafka"))
    server = getattr(servers, name)
    server.pause()
    try:
        until("one to be away", lambda: not answers(name))
        until("the other", lambda: answers("kafka" if name == "mongo" else "mongo"))
        orders = service(clerk, "orders")
        assert (orders["outboxDepth"] is None) == (name == "mongo")
        assert orders["lagMessages"] is None
    finally:
        server.resume()


def test_only_operators_see_it(clerk: Person) -> None:
    assert problem_of(customer("alice").get(PIPELINE))[0] == 403
    assert problem_of(staff("sue", "support").get(PIPELINE))[0] == 403
    assert problem_of(Person().get(PIPELINE))[0] == 401


def test_figures_are_forgotten_when_nobody_counts(servers: Servers) -> None:
    figures.keep(FIGURES)
    assert figures.read() == FIGURES
    assert 0 < int(memory(patience=1.0).ttl(key("live", "figures"))) <= 5  # type: ignore[arg-type]
    memory(patience=1.0).delete(key("live", "figures"))
    assert figures.read() is None


def test_the_time_is_that_of_now(clerk: Person) -> None:
    before = identity.now().isoformat()
    assert before[:16] <= seen(clerk)["at"][:19] <= identity.now().isoformat()[:19]
