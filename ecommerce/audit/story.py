"""What the audit knows of one order, and what it finds wrong. The names are those of the public events, which is all
that services share."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from functools import cached_property
from typing import Any

import msgspec

from ecommerce import typed
from ecommerce.audit.names import Name


class _Said(msgspec.Struct, rename="camel"):
    event_type: str
    version: str
    payload: msgspec.Raw


_said = typed.decoder(_Said)


def digest_of(data: bytes) -> int:
    """64 bits that tell what one message says from what another does.

    Its time and cause are left out: an event that is made again after its maker's database was put back has others.
    """
    try:
        said = _said.decode(data)
        data = b" ".join((said.event_type.encode(), said.version.encode(), bytes(said.payload)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # no event: all of its bytes count
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A log entry; `at` is when it took effect, `digest` stands for what it says."""

    event_id: str
    type: str
    own: bool
    version: int
    at: datetime
    digest: int


class Way(Enum):
    """Where a public event is on its way to its takers."""

    UNKNOWN = "nobody looked, or it is older than what can be seen"
    OUTBOX = "in the outbox"
    TOPIC = "on its topic"
    NOWHERE = "neither here nor there"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event is; `since` says when its outbox document was written, `partition` and `offset` where it lies.

    `digest` stands for what lies on the topic, `at` is the time that it says.
    """

    way: Way
    partition: int = -1
    offset: int = -1
    since: datetime | None = None
    digest: int = 0
    at: datetime | None = None


UNKNOWN = Place(Way.UNKNOWN)


class Mending(StrEnum):
    """What is always safe to do about a violation."""

    REBUILD = "rebuild"  # store what the log folds to
    UNPARK = "unpark"  # an aggregate that nothing holds takes messages again
    REQUEUE = "requeue"  # put an event into the outbox once more: takers drop what they know
    FEED = "feed"  # give the taker the message that it missed: it drops what it knows
    STOCK = "stock"  # store what the log and the reservations say


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What `audit --repair` does: to which service's aggregate, and with which event."""

    mending: Mending
    service: str
    key: str
    event_id: str = ""
    place: Place = UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A broken promise: its name, whom it concerns, what was found, and the command that repairs it.

    `safe` is what repairs it without anybody's judgement, if anything does. `key` is the order's id, if it is one.
    """

    name: Name
    subject: str
    detail: str
    command: str
    key: str = ""
    safe: Repair | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.subject} ({self.detail}); repair: {self.command}"


@dataclass(kw_only=True)
class Story:
    """Everything that is stored of one order, by service: log entries in version order, the aggregate, dead letters."""

    order_id: str
    logs: Mapping[str, list[Entry]]
    takers: Mapping[str, frozenset[str]] = field(default_factory=dict)  # public event type → services that take it
    makers: Mapping[str, str] = field(default_factory=dict)  # public event type → service that makes it
    stored: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    differences: Mapping[str, str] = field(default_factory=dict)  # how the aggregate differs from its log
    unreadable: Mapping[str, str] = field(default_factory=dict)  # why the log could not be folded
    letters: Mapping[str, int] = field(default_factory=dict)  # how many open ones there are
    edited: frozenset[str] = frozenset()  # events that somebody has mended in the dead letters, not on their topic
    places: Mapping[str, Place] = field(default_factory=dict)  # event id → where it is
    positions: Mapping[str, Mapping[tuple[str, int], int]] = field(default_factory=dict)  # consumers' next offsets
    topics: Mapping[str, str] = field(default_factory=dict)  # public event type → topic

    @cached_property
    def made(self) -> Counter[str]:
        """How often each type of event was made, in all services."""
        return Counter(entry.type for log in self.logs.values() for entry in log if entry.own)

    @cached_property
    def unseen(self) -> list[tuple[str, Entry, str]]:
        """Public events that a taker has not taken: (maker, event, taker)."""
        seen = {service: {entry.event_id for entry in log} for service, log in self.logs.items()}
        return [
            (maker, entry, taker)
            for maker, entry in self.public()
            for taker in sorted(self.takers[entry.type])
            if entry.event_id not in seen.get(taker, ())
        ]

    @cached_property
    def ended(self) -> bool:
        return bool(self.made["OrderCompleted"] or self.made["OrderCancelled"])

    @cached_property
    def settled(self) -> bool:
        """Whether it has ended and everybody knows of it: only then can it be judged as a whole."""
        return self.ended and not self.unseen

    @cached_property
    def known(self) -> bool:
        """Whether somebody has heard that it was placed."""
        return any(entry.type == "OrderCreated" for log in self.logs.values() for entry in log)

    @cached_property
    def first_at(self) -> datetime | None:
        return min((entry.at for log in self.logs.values() for entry in log), default=None)

    @cached_property
    def last_at(self) -> datetime | None:
        return max((entry.at for log in self.logs.values() for entry in log), default=None)

    def public(self) -> Iterator[tuple[str, Entry]]:
        """Every public event with its maker, in each maker's order.

        Also one that its maker took back in from the topic, because its database had been put back.
        """
        for maker, log in self.logs.items():
            for entry in log:
                if self.makers.get(entry.type) == maker:
                    yield maker, entry

    def place(self, entry: Entry) -> Place:
        """Where a public event is."""
        return self.places.get(entry.event_id, UNKNOWN)

    def fate(self) -> str:
        """The public events that there are, for people."""
        return ", ".join(type for type in sorted(self.made) if type in self.takers) or "nothing"

    def violation(self, name: Name, detail: str, command: str = "", *, safe: Repair | None = None) -> Violation:
        """One of this order's. Left alone, the command is a look at it: no repair is right in all cases."""
        command = command or f"manage.py explain_order {self.order_id}"
        return Violation(
            name=name, subject=f"order {self.order_id}", detail=detail, command=command, key=self.order_id, safe=safe
        )

    def mended(self) -> str:
        """The command that repairs what is always safe to repair in this order."""
        return f"manage.py audit --order {self.order_id} --repair"
