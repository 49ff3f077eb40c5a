"""How a service is wired: a table of which aggregates take which messages."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import msgspec

from ecommerce.messages import Event, Intent, Message, MessageDiscarded

Decision = Iterator[Event | Intent]


class State(msgspec.Struct, frozen=True, kw_only=True):
    """An aggregate's state: what its log folds to. Every field has a default, which is the state before any entry.

    The field named `key_name` holds the aggregate's key, already before the first entry.
    """

    key_name: ClassVar[str] = "order_id"


def _names_nothing(state: Any, given: Message) -> Iterable[str]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """One kind of aggregate of a service.

    `decide(state, given)` gives the service's own events, `evolve(state, event)` the next state; both are pure, and
    `evolve` sees the input first and then each own event. An aggregate may need rows of another kind `beside` it, such
    as the stock of each sku in an order: `names(state, given)` says which, `decide` gets them as a third argument, a
    mapping of key to state (the default state where there is no row), and the other kind's `evolve` sees the own events
    that name it. What an event does to such a row must commute, since a rebuild folds one history after the other.
    """

    state: type[State]
    collection: str
    takes: tuple[type[Message], ...]
    decide: Callable[..., Decision]
    evolve: Callable[[Any, Message], Any]
    beside: "Aggregate | None" = None
    names: Callable[[Any, Message], Iterable[str]] = _names_nothing

    def initial(self, key: str) -> State:
        """The state of the aggregate with this key before any entry."""
        return self.state(**{self.state.key_name: key})


@dataclass(frozen=True, kw_only=True)
class Service:
    """One service: the owner of the database of its name and of the topics that it publishes on."""

    name: str
    aggregates: tuple[Aggregate, ...]
    publishes: tuple[type[Event], ...]
    intents: tuple[type[Intent], ...] = ()
    single_writer: bool = False  # its consumer holds a lease: rows shared by many orders starve several writers
    # Events that are noted, and from which alone nothing follows in the normal course: others may come first.
    can_wait: tuple[type[Event], ...] = ()
    # The Celery task that asks the outside world what a fact of the log calls for, by the kind of fact.
    asks: Mapping[type[Message], str] = field(default_factory=dict)
    # The facts that end a saga, and what they call its outcome.
    ends: Mapping[type[Message], str] = field(default_factory=dict)
    unfinished: tuple[str, ...] = ()  # the statuses of what has not come to its end yet, in the first kind of aggregate

    @cached_property
    def taker(self) -> dict[type[Message], Aggregate]:
        """Which aggregate takes a kind of message."""
        return {kind: aggregate for aggregate in self.aggregates for kind in aggregate.takes}

    @cached_property
    def kinds(self) -> dict[str, type[Message]]:
        """Every kind of message that this service's log may hold, by type name."""
        kinds: tuple[type[Message], ...] = (*self.taker, *self.publishes, *self.intents, MessageDiscarded)
        return {kind.__name__: kind for kind in kinds}

    def aggregate_on(self, topic: str) -> Aggregate:
        """The aggregate that the messages of a topic belong to, also for one that cannot be read."""
        return next(each for kind, each in self.taker.items() if issubclass(kind, Event) and kind.topic == topic)

    def aggregate_in(self, collection: str) -> Aggregate:
        """The kind of aggregate that is stored in a collection."""
        return next(each for each in self.aggregates if each.collection == collection)

    @cached_property
    def topics(self) -> tuple[str, ...]:
        """The topics that its consumer subscribes to."""
        return tuple(sorted({kind.topic for kind in self.events_taken}))

    @cached_property
    def urgent(self) -> frozenset[str]:
        """The types of events that its consumer takes at once."""
        return frozenset(kind.__name__ for kind in self.events_taken if kind not in self.can_wait)

    @cached_property
    def events_taken(self) -> tuple[type[Event], ...]:
        """The kinds of events that it takes, its own and others'."""
        return tuple(kind for kind in self.taker if issubclass(kind, Event))
