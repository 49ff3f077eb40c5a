"""A service in memory: its pure functions, a log that is also the memory of what was taken, and an outbox."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from ecommerce import identity
from ecommerce.messages import Event, Message, Refused
from ecommerce.service import Aggregate, Service, State

# Ids are a function of causes; time plays no part in what is decided.
NOW = datetime(2025, 1, 1, tzinfo=UTC)


class Given(NamedTuple):
    """A message with its id."""

    id: str
    message: Message


class Entry(NamedTuple):
    """A log entry: an input or an own event."""

    message: Message
    own: bool


States = dict[tuple[str, str], State]  # by collection and key
Observer = Callable[[str, Given, list[Message]], None]


@dataclass(slots=True)
class Node:
    """One service. `observe(service, input, own events)` is called for each input that takes effect."""

    service: Service
    observe: Observer
    states: States = field(default_factory=dict)
    log: dict[str, dict[str, Entry]] = field(default_factory=dict)
    outbox: list[list[Given]] = field(default_factory=list)
    positions: dict[tuple[str, int], int] = field(default_factory=dict)

    def take(self, inputs: Sequence[Given]) -> None:
        """Takes a batch in one commit, which nothing interrupts: all of it, or none of it."""
        published: list[Given] = []
        for given in inputs:
            aggregate = self.service.taker[type(given.message)]
            log = self.log.setdefault(given.message.key, {})
            if given.id not in log:
                published += self._take(aggregate, given, log)
        if published:
            self.outbox.append(published)

    def execute(self, given: Given) -> Refused | None:
        """Takes one command; gives the refusal if there is one, and then nothing has changed."""
        try:
            self.take([given])
        except Refused as refused:
            return refused
        return None

    def state(self, aggregate: Aggregate, key: str) -> State:
        """The state of an aggregate, also of one that nothing has happened to."""
        return self.states.get((aggregate.collection, key)) or aggregate.initial(key)

    def _take(self, aggregate: Aggregate, given: Given, log: dict[str, Entry]) -> list[Given]:
        events = fold_input(self.states, aggregate, given.message)
        log[given.id] = Entry(given.message, own=False)
        published = []
        for index, event in enumerate(events):
            event_id = identity.event_id(
                service=self.service.name, cause=given.id, event_type=type(event).__name__, index=index, at=NOW
            )
            log[event_id] = Entry(event, own=True)
            if isinstance(event, Event):
                published.append(Given(event_id, event))
        self.observe(self.service.name, given, events)
        return published


def fold_input(states: States, aggregate: Aggregate, message: Message) -> list[Message]:
    """Decides on `message` and lets it and the own events take effect on `states`; gives the own events."""
    held = aggregate.collection, message.key
    before = states.get(held) or aggregate.initial(message.key)
    beside = aggregate.beside
    rows: dict[str, State] = {}
    if beside:
        names = aggregate.names(before, message)
        rows = {name: states.get((beside.collection, name)) or beside.initial(name) for name in names}
    state = aggregate.evolve(before, message)
    events: list[Message] = []
    for event in aggregate.decide(before, message, rows) if beside else aggregate.decide(before, message):
        events.append(event)
        state = aggregate.evolve(state, event)
        rows |= {name: beside.evolve(row, event) for name, row in rows.items()} if beside else {}
    states[held] = state
    if beside:
        states.update({(beside.collection, name): row for name, row in rows.items()})
    return events


def refold(node: Node) -> States:
    """The states that the log alone gives: `evolve` over every entry, one history after the other."""
    states: States = {}
    for key, log in node.log.items():
        names: list[str] = []
        entries = list(log.values())
        if not entries:
            continue
        aggregate = node.service.taker[type(entries[0].message)]
        for entry in entries:
            state = states.get((aggregate.collection, key)) or aggregate.initial(key)
            if not entry.own:
                names = sorted(set(aggregate.names(state, entry.message)))
            elif aggregate.beside:
                for name in names:
                    row = states.get((aggregate.beside.collection, name)) or aggregate.beside.initial(name)
                    states[aggregate.beside.collection, name] = aggregate.beside.evolve(row, entry.message)
            states[aggregate.collection, key] = aggregate.evolve(state, entry.message)
    return states
