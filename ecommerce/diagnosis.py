"""Why an order is where it is: what holds it up, the cause as far as it can be seen, and what may be done about it.

The same for the admin, the API and `manage.py explain_order`. It reads the databases alone, so it answers also when
Kafka is what is missing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from ecommerce import heartbeats, identity, leases, outbox, relay, saga, storage
from ecommerce.deadletters import letters
from ecommerce.deadletters.showing import qualified
from ecommerce.outside import CLOSED
from ecommerce.registry import engine
from ecommerce.saga import Kind, Logs, Wait
from ecommerce.service import Service
from ecommerce.storage import Document

MOST_LETTERS = 50
_NEAR = timedelta(minutes=2)  # of a deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`service` waits: `what` for, because of `cause` ("" where nobody knows), until somebody does `action`."""

    service: str
    what: str
    since: datetime | None
    cause: str
    action: str
    letter: str = ""

    def __str__(self) -> str:
        since = f" (since {self.since:%Y-%m-%d %H:%M:%S})" if self.since else ""
        return f"{self.service} {self.what}{since}" + (f": {self.cause}" if self.cause else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the services know of an order: their logs, what is stored, and their open dead letters, by service."""

    logs: Logs
    states: dict[str, Document]
    letters: dict[str, list[Document]]


def known(order_id: str, services: Iterable[Service]) -> Known:
    """Read from the databases. Raises `PyMongoError`."""
    logs, states, held = {}, {}, {}
    for service in services:
        database = engine(service.name).database
        collection = service.aggregates[0].collection
        logs[service.name] = storage.history(database, order_id)
        states[service.name] = database[collection].find_one({"_id": order_id}) or {}
        found = database[letters.COLLECTION].find({"key": order_id, "status": {"$in": list(letters.OPEN)}})
        held[service.name] = list(found.sort("place", 1).limit(MOST_LETTERS))
    return Known(logs=logs, states=states, letters=held)


def findings(order_id: str, services: Iterable[Service], of: Known) -> list[Finding]:
    """What holds the order up now, in the order of its saga; empty where it waits for nothing."""
    waits = saga.waits(services, of.logs, of.states, of.letters)
    found = [_explained(order_id, wait) for wait in waits]
    return [*found, *_deadline(of)]


def _explained(order_id: str, wait: Wait) -> Finding:
    cause, action = "", ""
    match wait.kind:
        case Kind.LETTER:
            action = f"manage.py dlq show {qualified(wait.service, wait.letter)}; mend its cause, then replay it"
        case Kind.FOLLOWERS:
            action = "they follow when that is replayed or discarded"
        case Kind.OUTSIDE:
            cause, action = _of_outside(wait)
        case Kind.EVENT:
            cause, action = _of_event(order_id, wait)
    return Finding(
        service=wait.service, what=wait.what, since=wait.since, cause=cause, action=action, letter=wait.letter
    )


def _of_outside(wait: Wait) -> tuple[str, str]:
    database = engine(wait.service).database
    states = {beat["subject"]: beat["values"]["state"] for beat in heartbeats.living(database, kind="breaker")}
    if troubled := sorted(party for party, state in states.items() if state != CLOSED):
        return f"the circuit breaker of {', '.join(troubled)} is open", "wait: it tries again by itself"
    if not states:
        return (
            "no process has asked it lately: the breaker of no worker is known",
            f"make ps: is worker-{wait.service} running?",
        )
    return "it has not answered yet", "wait, or cancel the order: its deadline ends it otherwise"


def _of_event(order_id: str, wait: Wait) -> tuple[str, str]:
    maker, taker = engine(wait.maker).database, engine(wait.service).database
    if left := maker[outbox.COLLECTION].find_one({"messages.key": order_id}, {"_id": 1}, sort=[("_id", 1)]):
        age = identity.now() - outbox.written_at(left)
        said = f"it is in the outbox of {wait.maker}, for {age.total_seconds():.0f} s"
        if not leases.is_held(maker, relay.LEASE):
            return f"{said}, and no relay holds the lease", "make ps: are relay and beat running?"
        return f"{said}: the relay has not had Kafka's acknowledgement", "is Kafka up? If not it goes on by itself then"
    if not heartbeats.living(taker, kind="consumer"):
        return f"no consumer of {wait.service} is alive", f"make ps: is consumer-{wait.service} running?"
    return "it is on its way", "wait a moment and look again"


def _deadline(of: Known) -> Iterator[Finding]:
    order = of.states.get("orders", {})
    if order.get("status") not in ("PENDING", "RESERVED", "PAID") or not order.get("created_at"):
        return
    at = order["created_at"] + settings.ORDER_DEADLINE
    if at - identity.now() < _NEAR:
        what = f"ends it by its deadline, {at:%Y-%m-%d %H:%M:%S}"
        yield Finding(
            service="orders", what=what, since=None, cause="", action="make ps: is worker running, if it is late?"
        )
