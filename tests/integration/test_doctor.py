"""The doctor names each planted cause with the next command, nothing else, and nothing on a healthy pipeline."""

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from ecommerce import identity, sources, storage
from ecommerce.audit import scheduled
from ecommerce.heartbeats import Heartbeat, tell
from ecommerce.leases import Lease
from ecommerce.registry import engine, services
from tests.integration.consuming import Topic
from tests.integration.parking import Feed, created
from tests.servers import Servers

Plant = Callable[[Servers], AbstractContextManager[None] | None]


def told(kind: str, service: str, subject: str, **values: Any) -> None:
    """As a process that lives tells it."""
    beat = Heartbeat(service=service, kind=kind, subject=subject, values=lambda: values)
    tell(engine(service).database, beat, holder="a process")


def silent(service: str, **of: Any) -> None:
    """A process is not there."""
    done = engine(service).database[storage.HEARTBEATS].delete_many(of)
    assert done.deleted_count == 1


def audited(at: datetime, **violations: int) -> None:
    """The audit that ran by itself last."""
    found = scheduled.Result(at=at, whole=True, orders=7, in_flight=0, violations=violations, seconds=1.0)
    document = msgspec.to_builtins(found, builtin_types=(datetime,))
    connections["default"].database[scheduled.COLLECTION].replace_one({"_id": "last"}, document, upsert=True)


def unrelayed(service: str, *, seconds: float) -> None:
    """A commit has waited in an outbox for so long."""
    stamp = identity.milliseconds(identity.now() - timedelta(seconds=seconds))
    engine(service).database["outbox"].insert_one({"_id": f"{stamp:015d}-0", "messages": []})


@pytest.fixture
def healthy(databases: None) -> None:
    """Every process tells that it lives, every relay has its lease, everything is taken."""
    for service in services():
        told("consumer", service.name, service.name, lag_seconds=0.1)
        Lease(engine(service.name).database, "relay", seconds=600).take()
        Topic().skip_to_end(engine(service.name))
    for home, name in (("orders", "default"), ("orders", "relay"), ("orders", "beat")):
        told("celery", home, name)
    for name in ("payments", "shipping"):
        told("celery", name, name)
    told("breaker", "payments", "gateway", state="closed")
    told("live", "orders", "live")
    audited(identity.now())


def doctor() -> tuple[int, str]:
    """The exit status and what it says."""
    out = StringIO()
    try:
        call_command("doctor", stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


@contextmanager
def _paused(server: Any) -> Any:
    server.pause()
    try:
        yield
    finally:
        server.resume()


def kafka_down(servers: Servers) -> AbstractContextManager[None]:
    return _paused(servers.kafka)


def redis_down(servers: Servers) -> AbstractContextManager[None]:
    return _paused(servers.redis)


def mongo_down(servers: Servers) -> AbstractContextManager[None]:
    return _paused(servers.mongo)


def no_consumer(_: Servers) -> None:
    silent("payments", kind="consumer")
    Topic().put(created("o1"))


def slow_consumer(_: Servers) -> None:
    told("consumer", "inventory", "inventory", lag_seconds=45.0)


def no_worker(_: Servers) -> None:
    silent("shipping", kind="celery")


def no_beat(_: Servers) -> None:
    silent("orders", subject="beat")


def no_projection(_: Servers) -> None:
    silent("orders", kind="live")


def open_breaker(_: Servers) -> None:
    told("breaker", "payments", "gateway", state="open")


def no_relay(_: Servers) -> None:
    unrelayed("orders", seconds=5)
    engine("orders").database[storage.LEASES].update_one({"_id": "relay"}, {"$set": {"holder": ""}})


def frozen_relay(_: Servers) -> None:
    unrelayed("orders", seconds=60)


def poisoned(_: Servers) -> None:
    Feed(engine("shipping")).spoil(created("order-1"))
    engine("shipping").database["outbox"].delete_many({})  # its copy


def violations(_: Servers) -> None:
    audited(identity.now(), **{"money is lost": 3})


def no_audit(_: Servers) -> None:
    audited(identity.now() - timedelta(minutes=40))


def stuck(_: Servers) -> None:
    long_ago = identity.now() - settings.ORDER_DEADLINE - sources.STUCK_AFTER - timedelta(seconds=5)
    engine("orders").database["orders"].insert_one({"_id": "order-9", "status": "PAID", "created_at": long_ago})


CAUSES: list[tuple[Plant, str, str]] = [
    (kafka_down, ": orders are taken, and their events wait in the outboxes", "restart kafka"),
    (redis_down, "Redis is out of reach", "restart redis"),
    (mongo_down, "MongoDB is out of reach", "restart mongo"),
    (no_consumer, "no consumer of payments is alive; 1 messages wait", "restart consumer-payments"),
    (slow_consumer, "the consumers of inventory do not keep up: 0 messages behind, the longest waited 45 s", "consume"),
    (no_worker, "no worker takes the tasks of shipping", "restart worker-shipping"),
    (no_beat, "beat is not alive", "restart beat"),
    (no_projection, "dashboards and customers' pages stand still", "restart live"),
    (open_breaker, "the circuit breaker of gateway is open: payments does not ask it", "does gateway answer?"),
    (no_relay, "and no relay holds the lease", "manage.py relay orders"),
    (frozen_relay, "1 commits of orders wait in its outbox, the first for 6", "is Kafka up?"),
    (poisoned, "1 messages of shipping are set aside", "manage.py dlq list --service shipping"),
    (violations, "the last audit found violations: 3 × money is lost", "manage.py audit"),
    (no_audit, "the last audit ended 40 minutes ago", "restart worker"),
    (stuck, "1 orders should have ended by their deadline: order-9", "manage.py explain_order ID"),
]


@pytest.fixture(autouse=True)
def _audits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ENV", settings.ENV.model_copy(update={"AUDIT_EVERY_SECONDS": 300}))


def test_nothing_is_wrong_with_a_healthy_pipeline(healthy: None) -> None:
    status, said = doctor()
    assert status == 0, said
    assert said.endswith("\nhealthy\n")
    for service in services():
        assert f"\n{service.name:<12}1 consumers, 0 messages behind, outbox empty, a relay at work" in said


@pytest.mark.parametrize(("plant", "what", "action"), CAUSES, ids=[plant.__name__ for plant, _, _ in CAUSES])
def test_a_cause_is_named_alone_with_the_next_command(
    healthy: None, servers: Servers, plant: Plant, what: str, action: str
) -> None:
    with plant(servers) or nullcontext():
        status, said = doctor()
    assert status == 1, said
    found = [line for line in said.splitlines() if line.startswith("- ")]
    assert len(found) == 1, said
    assert what in found[0], said
    assert action in said.partition(found[0])[2], said


def test_an_empty_installation_where_nothing_runs_is_told_all_that_is_missing(databases: None) -> None:
    status, said = doctor()
    assert status == 1
    assert said.count("no consumer of") == 4
    assert said.count("no worker takes") == 4
    assert said.count("no projection is alive") == 1
    assert "none has run by itself yet" in said
