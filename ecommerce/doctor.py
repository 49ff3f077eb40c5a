"""How the whole pipeline does, in plain words: what is seen of each part, and each thing that holds it up.

Of what it cannot see it says so. The same sources as for /metrics and the dashboard; of one order see `diagnosis`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from confluent_kafka import KafkaException
from django.conf import settings
from django.db import DatabaseError
from pymongo.errors import PyMongoError

from ecommerce import health, identity, sources
from ecommerce.audit import scheduled
from ecommerce.outside import CLOSED
from ecommerce.registry import services
from ecommerce.service import Service
from ecommerce.sources import Ends, Stored

T = TypeVar("T")

MANY_BEHIND = 1000  # messages
LONG = 30.0  # seconds that a message may wait
_MOST_NAMED = 5
_NAMES = {"mongo": "MongoDB", "kafka": "Kafka", "redis": "Redis"}
_WITHOUT = {
    "mongo": "nothing can be taken",
    "kafka": "orders are taken, and their events wait in the outboxes",
    "redis": "orders are taken, but no task runs: nothing is relayed, nobody is asked outside",
}


@dataclass(frozen=True, kw_only=True)
class Ailment:
    """Something that holds the pipeline up, and the next command."""

    what: str
    action: str


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What can be seen; None, or nothing, of what does not answer."""

    at: datetime
    dependencies: Mapping[str, str]
    stored: Mapping[str, Stored] = field(default_factory=dict)
    ends: Ends | None = None
    audit: scheduled.Result | None = None
    stuck: Mapping[str, list[str]] = field(default_factory=dict)

    def lag(self, service: Service) -> int | None:
        """Messages that a service has not taken; None where nobody can tell."""
        told = self.stored.get(service.name)
        return sources.lag_messages(service.topics, told, self.ends) if told and self.ends is not None else None

    @property
    def workers(self) -> set[str]:
        """The queues that are worked on, and "beat"."""
        return set().union(*(told.workers for told in self.stored.values()))


def look() -> Seen:
    """Looks at everything, within some seconds."""
    dependencies = health.dependencies()
    stored = _tried(sources.stored) if dependencies["mongo"] == health.OK else None
    if stored is None:
        return Seen(at=identity.now(), dependencies=dependencies)
    deadlines = [service for service in services() if stored[service.name].stuck]
    return Seen(
        at=identity.now(),
        dependencies=dependencies,
        stored=stored,
        ends=_tried(sources.ends) if dependencies["kafka"] == health.OK else None,
        audit=_tried(scheduled.last),
        stuck=_tried(lambda: {each.name: sources.stuck(each, most=_MOST_NAMED) for each in deadlines}) or {},
    )


def _tried(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except (PyMongoError, DatabaseError, KafkaException):
        return None  # it went away since


def ailments(seen: Seen) -> Iterator[Ailment]:
    """What is wrong, causes before what follows from them."""
    for name, said in seen.dependencies.items():
        if said != health.OK:
            what = f"{_NAMES[name]} is out of reach ({said}): {_WITHOUT[name]}"
            yield Ailment(what=what, action=f"make ps; python -m deploy.local restart {name}")
    if not seen.stored:
        return
    yield from _processes(seen)
    for service in services():
        yield from _of_service(seen, service, seen.stored[service.name])
    yield from _audit(seen)


def _processes(seen: Seen) -> Iterator[Ailment]:
    asking = [service.name for service in services() if service.asks]
    for queue in sorted({"default", "relay", *asking} - seen.workers):
        name = {"default": "worker", "relay": "relay"}.get(queue, f"worker-{queue}")
        what = f"no worker takes the tasks of {queue}"
        yield Ailment(what=what, action=f"python -m deploy.local restart {name}; make logs")
    if "beat" not in seen.workers:
        what = "beat is not alive: no shift of the relay, no deadline and no sweep is started"
        yield Ailment(what=what, action="python -m deploy.local restart beat")
    if not any(told.is_shown for told in seen.stored.values()):
        what = "no projection is alive: dashboards and customers' pages stand still, orders go on"
        yield Ailment(what=what, action="python -m deploy.local restart live")
    for service in services():
        if not seen.stored[service.name].waits:
            lag = seen.lag(service)
            behind = f"; {lag} messages wait" if lag else ""
            action = f"python -m deploy.local restart consumer-{service.name}"
            yield Ailment(what=f"no consumer of {service.name} is alive{behind}", action=action)


def _of_service(seen: Seen, service: Service, told: Stored) -> Iterator[Ailment]:
    name, lag = service.name, seen.lag(service)
    if told.waits and ((lag or 0) > MANY_BEHIND or max(told.waits) > LONG):
        behind = f"{lag} messages behind, " if lag is not None else ""
        what = f"the consumers of {name} do not keep up: {behind}the longest waited {max(told.waits):.0f} s"
        yield Ailment(
            what=what, action=f"another consumer: manage.py consume {name} (of inventory one works at a time)"
        )
    if told.outbox_since:
        age = told.outbox_seconds(seen.at)
        waiting = f"{told.outbox_depth} commits of {name} wait in its outbox, the first for {age:.0f} s"
        if not told.relay_held:
            action = f"python -m deploy.local restart relay; without Celery: manage.py relay {name}"
            yield Ailment(what=f"{waiting}, and no relay holds the lease", action=action)
        elif age > LONG:
            what = f"{waiting}: a relay holds the lease, and has not had Kafka's acknowledgement"
            yield Ailment(what=what, action="is Kafka up? If it is: python -m deploy.local restart relay")
    for party, state in sorted(told.breakers.items()):
        if state != CLOSED:
            what = f"the circuit breaker of {party} is {state}: {name} does not ask it, {told.pending} orders wait"
            yield Ailment(what=what, action=f"does {party} answer? Then it closes by itself")
    if told.dead_letters:
        what = f"{told.dead_letters} messages of {name} are set aside, and their orders wait"
        yield Ailment(what=what, action=f"manage.py dlq list --service {name}")
    if told.stuck:
        named = ", ".join(seen.stuck.get(name, []))
        what = f"{told.stuck} orders should have ended by their deadline: {named}"
        yield Ailment(what=what, action="manage.py explain_order ID")


def _audit(seen: Seen) -> Iterator[Ailment]:
    last, every = seen.audit, timedelta(seconds=settings.ENV.AUDIT_EVERY_SECONDS)
    if last is None:
        return
    if last.violations:
        found = ", ".join(f"{count} × {name}" for name, count in sorted(last.violations.items()))
        yield Ailment(what=f"the last audit found violations: {found}", action="manage.py audit")
    if every and seen.at - last.at > 3 * every + timedelta(minutes=1):
        what = f"the last audit ended {(seen.at - last.at) // timedelta(minutes=1)} minutes ago"
        yield Ailment(what=what, action="manage.py audit; python -m deploy.local restart worker")


def state(seen: Seen) -> Iterator[tuple[str, str]]:
    """Each part, and how it does."""
    for name, said in seen.dependencies.items():
        yield _NAMES[name], said
    for service in services():
        if told := seen.stored.get(service.name):
            yield service.name, ", ".join(_told_of(seen, service, told))
    if seen.stored:
        yield "Celery", ", ".join(sorted(seen.workers)) or "nothing is alive"
        last = seen.audit
        said = (
            f"{last.at:%Y-%m-%d %H:%M:%S}: {last.orders} orders, {sum(last.violations.values())} violations"
            if last
            else ""
        )
        yield "last audit", said or "none has run by itself yet"


def _told_of(seen: Seen, service: Service, told: Stored) -> Iterator[str]:
    lag = seen.lag(service)
    yield f"{len(told.waits)} consumers"
    yield "lag not known" if lag is None else f"{lag} messages behind"
    yield f"{told.outbox_depth} commits in the outbox" if told.outbox_since else "outbox empty"
    yield "a relay at work" if told.relay_held else "no relay"
    yield f"{told.dead_letters} dead letters"
    if told.pending is not None:
        yield f"{told.pending} open questions"
    for party, breaker in sorted(told.breakers.items()):
        yield f"breaker of {party} {breaker}"
