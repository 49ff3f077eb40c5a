"""An order's saga as the logs of all services tell it: what happened, what caused it, and what it waits for. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

import msgspec

from ecommerce import storage
from ecommerce.deadletters import letters
from ecommerce.messages import Event, Message
from ecommerce.service import Service
from ecommerce.storage import Document

# What takes back an earlier step. The names are those of the log, which is all that services share.
COMPENSATIONS = frozenset(
    {
        "InventoryReleased",
        "OrderCancelled",
        "PaymentRefunded",
        "PaymentVoided",
        "RefundRequested",
        "ShipmentCancelled",
        "VoidRequested",
    }
)
# What a payload says about who wanted it and why. None of it is sealed.
_SAID = ("by", "user", "reason", "note")

T = TypeVar("T")
Logs = Mapping[str, Sequence[Document]]  # by service, each in the order in which it took effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that happened. `service` made it or, where it came from outside, took it.

    `cause` is the type of what led to it, "" if nothing in these logs did. `taken` tells when which other service took
    a public event.
    """

    id: str
    type: str
    service: str
    at: datetime
    cause: str
    said: str
    compensates: bool
    taken: dict[str, datetime] = field(default_factory=dict)


class Kind(StrEnum):
    """What a service can wait for."""

    LETTER = "a dead letter"
    FOLLOWERS = "messages behind a dead letter"
    OUTSIDE = "an answer from outside"
    EVENT = "an event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What holds the order up: `service` waits for `what`.

    `letter` is the id of the dead letter, `maker` the service whose event it is, where it is one.
    """

    kind: Kind
    service: str
    what: str
    since: datetime | None
    letter: str = ""
    maker: str = ""


def steps(services: Iterable[Service], logs: Logs) -> list[Step]:
    """What happened by time, each after its cause. A public event is one step, however many have taken it."""
    kinds = {name: kind for service in services for name, kind in service.kinds.items()}
    found: dict[tuple[str, str], list[tuple[str, Document]]] = {}
    for service_name, log in logs.items():
        for entry in log:
            # With the type: who gave up a message did so under its id.
            found.setdefault((storage.event_id_of(entry), entry["type"]), []).append((service_name, entry))
    types = dict(found.keys())
    made = [_step(id, _maker(kinds[type]), entries, types) for (id, type), entries in found.items()]
    causes = {id: entries[0][1]["cause"] for (id, _), entries in found.items()}
    return causally(made, [(step.at, step.id, causes[step.id]) for step in made])


def _maker(kind: type[Message]) -> str:
    """The service whose event it is; "" for what is not public, which has its only log entry where it belongs."""
    return kind.topic.partition(".")[0] if issubclass(kind, Event) else ""


def _step(id: str, maker: str, entries: list[tuple[str, Document]], types: Mapping[str, str]) -> Step:
    first_taker, entry = entries[0]
    return Step(
        id=id,
        type=entry["type"],
        service=maker or first_taker,
        at=entry["at"],
        cause=types.get(entry["cause"] or "", ""),
        said=_said(entry["data"]),
        compensates=entry["type"] in COMPENSATIONS,
        taken={name: each["taken_at"] for name, each in entries if maker and name != maker},
    )


def _said(data: bytes) -> str:
    payload = msgspec.json.decode(data)["payload"]
    return ", ".join(str(payload[name]) for name in _SAID if payload.get(name))


def causally(items: Sequence[T], keys: Iterable[tuple[datetime, str, str | None]]) -> list[T]:
    """`items` by time, but never before their causes: the clocks of two services may disagree.

    `keys` gives of each item its time, its id, and the id of its cause.
    """
    waiting = sorted(zip(keys, items, strict=True), key=lambda each: each[0][0])
    ids = {id for (_, id, _), _ in waiting}
    ordered: list[T] = []
    placed: set[str] = set()
    while waiting:
        ready = (each for each in waiting if each[0][2] in placed or each[0][2] not in ids)
        chosen = next(ready, waiting[0])
        waiting.remove(chosen)
        ordered.append(chosen[1])
        placed.add(chosen[0][1])
    return ordered


def waits(
    services: Iterable[Service], logs: Logs, states: Mapping[str, Document], open_letters: Mapping[str, list[Document]]
) -> list[Wait]:
    """What the order waits for now; `states` and `open_letters` by service, letters in the order of their places."""
    return [wait for service in services for wait in _waits_of(service, logs, states, open_letters)]


def _waits_of(
    service: Service, logs: Logs, states: Mapping[str, Document], open_letters: Mapping[str, list[Document]]
) -> Iterator[Wait]:
    held = open_letters.get(service.name, [])
    for letter in held:
        if letter["status"] != letters.WAITING:
            what = f"cannot take {letter['event_type'] or 'a message'}: {letter['error']}"
            since, id = letter["parked_at"], letter["_id"]
            yield Wait(kind=Kind.LETTER, service=service.name, what=what, since=since, letter=id)
    if behind := sum(letter["status"] == letters.WAITING for letter in held):
        what = f"{behind} later messages wait behind that"
        yield Wait(kind=Kind.FOLLOWERS, service=service.name, what=what, since=None)
    state = states.get(service.name, {})
    if pending := state.get("pending"):
        what = f"asks the outside world: {pending}"
        yield Wait(kind=Kind.OUTSIDE, service=service.name, what=what, since=state.get("updated_at"))
    if not held:  # what is set aside may be unreadable: nobody can tell which event it was
        yield from _under_way(service, logs)


def _under_way(taker: Service, logs: Logs) -> Iterator[Wait]:
    """Public events that others have made and `taker` has not taken yet."""
    seen = {storage.event_id_of(entry) for entry in logs.get(taker.name, ())}
    taken = {kind.__name__ for kind in taker.taker if issubclass(kind, Event)}
    for maker, log in logs.items():
        for entry in log:
            if entry["own"] and entry["type"] in taken and storage.event_id_of(entry) not in seen:
                what = f"has not got {entry['type']} of {maker} yet"
                yield Wait(kind=Kind.EVENT, service=taker.name, what=what, since=entry["at"], maker=maker)
