"""One attempt of the engine at one batch: what it read, decided and is about to write, inside one transaction."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from ecommerce import deadletters, identity, outbox, storage
from ecommerce.held import Held, writes_of
from ecommerce.inputs import Input, Outcome, Position
from ecommerce.messages import Command, Envelope, Event, Message, Refused, encode, seal_in_envelope
from ecommerce.service import Aggregate, Service, State
from ecommerce.storage import Document

log = structlog.get_logger(__name__)

# Kafka's brokers refuse a message above 1 MiB (message.max.bytes); the envelope and headers need a little of it.
LARGEST_EVENT = 900_000


class TooLarge(ValueError):
    """An event that no broker would take."""


@dataclass(slots=True)
class Decision:
    """What one input leads to: the own events with their bytes, the aggregate's next state, those of rows beside it."""

    events: list[tuple[Envelope[Any], bytes]]
    state: State
    rows: dict[str, State]


class Batch:
    """Built anew for each attempt, since an attempt that MongoDB aborts must leave no trace."""

    def __init__(self, service: Service, database: Database[Document], session: ClientSession) -> None:
        self._service = service
        self._database = database
        self._session = session
        self._now = identity.now()
        self._held: dict[tuple[str, str], Held] = {}
        self._seen: set[str] = set()  # log entries and dead letters that exist
        self._entries: list[Document] = []
        self._published: list[tuple[Envelope[Any], bytes]] = []
        self._dead_letters: list[Document] = []
        self.outcomes: list[Outcome] = []
        self.asked: list[Envelope[Any]] = []

    # Reading

    def load(self, inputs: Sequence[Input], *, look_up: bool) -> None:
        """Reads every aggregate that the inputs name, and with `look_up` which inputs were taken before."""
        wanted: dict[str, tuple[Aggregate, set[str]]] = {}
        for given in inputs:
            if given.key:
                aggregate = self._aggregate_of(given)
                wanted.setdefault(aggregate.collection, (aggregate, set()))[1].add(given.key)
        for aggregate, keys in wanted.values():
            self._load(aggregate, keys)
        self._load_rows_beside(inputs)
        # Followers of a parked message may have been parked or taken before: only a look-up tells.
        if look_up or any(held.parked for held in self._held.values()):
            self._look_up(inputs)

    def _load_rows_beside(self, inputs: Sequence[Input]) -> None:
        wanted: dict[str, tuple[Aggregate, set[str]]] = {}
        for given in inputs:
            if given.envelope is None:
                continue
            aggregate = self._aggregate_of(given)
            if aggregate.beside:
                state = self._held[aggregate.collection, given.key].state
                names = aggregate.names(state, given.envelope.payload)
                wanted.setdefault(aggregate.collection, (aggregate.beside, set()))[1].update(names)
        for beside, keys in wanted.values():
            self._load(beside, keys)

    def _load(self, aggregate: Aggregate, keys: Iterable[str]) -> None:
        missing = [key for key in keys if (aggregate.collection, key) not in self._held]
        if not missing:
            return
        for key in missing:
            self._held[aggregate.collection, key] = Held(aggregate, key, aggregate.initial(key))
        found = self._database[aggregate.collection].find({"_id": {"$in": missing}}, session=self._session)
        for document in found:
            self._held[aggregate.collection, document["_id"]].read(document)

    def _look_up(self, inputs: Sequence[Input]) -> None:
        entries = [storage.entry_id(given.key, given.id) for given in inputs]
        letters = [deadletters.letter_id(given) for given in inputs]
        for collection, ids in ((storage.EVENTS, entries), (deadletters.COLLECTION, letters)):
            found = self._database[collection].find({"_id": {"$in": ids}}, {"_id": 1}, session=self._session)
            self._seen.update(document["_id"] for document in found)

    def _aggregate_of(self, given: Input) -> Aggregate:
        if given.envelope is not None:
            return self._service.taker[type(given.envelope.payload)]
        assert given.source is not None
        return self._service.aggregate_on(given.source.topic)

    # Deciding

    def take(self, given: Input) -> None:
        """Takes one input into the aggregates in memory."""
        outcome = Outcome(given)
        self.outcomes.append(outcome)
        entry, letter = storage.entry_id(given.key, given.id), deadletters.letter_id(given)
        if entry in self._seen or letter in self._seen:
            outcome.duplicate = True
            return
        held = self._held[self._aggregate_of(given).collection, given.key] if given.key else None
        if held and held.parked and given.source:
            self._park(given, held, outcome, error=None)
        elif given.error is not None or held is None or given.envelope is None:
            self._park(given, held, outcome, error=given.error or ValueError("the message has no key"))
        else:
            self._decide(given, given.envelope, held, outcome)

    def _decide(self, given: Input, envelope: Envelope[Any], held: Held, outcome: Outcome) -> None:
        rows = self._rows_beside(held, envelope.payload)
        try:
            decision = self._decision(envelope, held, rows)
        except Exception as error:
            self._set_aside(given, envelope, held, outcome, error)
            return
        self._append(held, envelope, given.data, own=False)
        for event, data in decision.events:
            self._append(held, event, data, own=True)
            self._pass_on(event, data)
        held.become(decision.state, self._now)
        for name, row in rows.items():
            if decision.rows[name] is not row.state:
                row.become(decision.rows[name], self._now)
        outcome.events = [event for event, _ in decision.events]

    def _rows_beside(self, held: Held, payload: Message) -> dict[str, Held]:
        beside = held.aggregate.beside
        if beside is None:
            return {}
        names = sorted(set(held.aggregate.names(held.state, payload)))
        self._load(beside, names)  # only what an earlier input of this batch made necessary; usually nothing
        return {name: self._held[beside.collection, name] for name in names}

    def _decision(self, envelope: Envelope[Any], held: Held, rows: Mapping[str, Held]) -> Decision:
        """Decides and evolves without touching what is in hand; raises what the domain raises."""
        aggregate, given = held.aggregate, envelope.payload
        states = {name: row.state for name, row in rows.items()}
        decided = (
            aggregate.decide(held.state, given, states) if aggregate.beside else aggregate.decide(held.state, given)
        )
        decision = Decision([], aggregate.evolve(held.state, given), states)
        for index, message in enumerate(decided):
            event = self._event(message, index, envelope)
            decision.events.append((event, _bytes_of(event)))
            decision.state = aggregate.evolve(decision.state, message)
            if aggregate.beside:
                for name in states:
                    states[name] = aggregate.beside.evolve(states[name], message)
        return decision

    def _append(self, held: Held, envelope: Envelope[Any], data: bytes, *, own: bool) -> None:
        held.version += 1
        entry = storage.entry(held.key, envelope, data, version=held.version, own=own, taken_at=self._now)
        self._seen.add(entry["_id"])
        self._entries.append(entry)

    def _event(self, message: Message, index: int, cause: Envelope[Any]) -> Envelope[Any]:
        id = identity.event_id(
            service=self._service.name,
            cause=cause.event_id,
            event_type=type(message).__name__,
            index=index,
            at=cause.timestamp,
        )
        # The id has the input's time, so that it can be made again; the event has the time at which it happened.
        return seal_in_envelope(message, id=id, at=self._now, cause=cause.event_id)

    def _pass_on(self, event: Envelope[Any], data: bytes) -> None:
        if isinstance(event.payload, Event):
            self._published.append((event, data))
        if type(event.payload) in self._service.asks:
            self.asked.append(event)

    # Setting aside

    def _set_aside(self, given: Input, envelope: Envelope[Any], held: Held, outcome: Outcome, error: Exception) -> None:
        if isinstance(envelope.payload, Command):
            if not isinstance(error, Refused):
                raise error
            outcome.refused = error
            return
        log.error("parked", event_id=given.id, correlation_id=given.key, error=repr(error), exc_info=error)
        self._park(given, held, outcome, error=error)

    def _park(self, given: Input, held: Held | None, outcome: Outcome, *, error: Exception | None) -> None:
        """Sets a message aside, as the failed one (`error`) or as a follower that waits behind it."""
        place = held.parked if held else 0
        letter = deadletters.letter(given, place=place, error=error, at=self._now)
        self._dead_letters.append(letter)
        self._seen.add(letter["_id"])
        outcome.parked = True
        if held:
            held.parked += 1
            held.become(held.state, self._now)

    def labels(self) -> Iterator[str]:
        """Those of the engine's kill points: the service, and the types of the log entries."""
        yield self._service.name
        yield from (entry["type"] for entry in self._entries)

    # Writing

    def write(self, positions: Mapping[Position, int]) -> None:
        """Writes all that was decided, one command a collection."""
        dirty = [held for held in self._held.values() if held.dirty]
        self._write_outbox(dirty)
        if self._entries:
            self._database[storage.EVENTS].insert_many(self._entries, session=self._session)
        for collection, writes in writes_of(dirty).items():
            self._database[collection].bulk_write(writes, ordered=False, session=self._session)
        if self._dead_letters:
            self._database[deadletters.COLLECTION].insert_many(self._dead_letters, session=self._session)
        if positions:
            self._database[storage.POSITIONS].bulk_write(position_writes(positions), session=self._session)

    def _write_outbox(self, dirty: Sequence[Held]) -> None:
        messages = [outbox.message(event, data) for event, data in self._published]
        messages += [outbox.dead_letter_copy(self._service, letter) for letter in self._dead_letters]
        if not messages:
            return
        # A Lamport clock: above the stamp of every aggregate in hand, so the outbox sorted by `_id` has each
        # aggregate's events in their order whatever the clocks of the writers say.
        now = identity.milliseconds(identity.now())
        stamp = max([now, *(held.stamp + 1 for held in dirty)])
        for held in dirty:
            held.stamp = stamp
        self._database[outbox.COLLECTION].insert_one(outbox.document(stamp, messages), session=self._session)


def _bytes_of(event: Envelope[Any]) -> bytes:
    data = encode(event)
    if len(data) > LARGEST_EVENT:
        raise TooLarge(f"{event.event_type} has {len(data)} bytes, the limit is {LARGEST_EVENT}")
    return data


def position_writes(positions: Mapping[Position, int]) -> list[UpdateOne]:
    """Moves positions forward, never back: a consumer that lost its partitions may still finish a batch."""
    return [
        UpdateOne({"_id": f"{topic}:{partition}"}, {"$max": {"offset": offset}}, upsert=True)
        for (topic, partition), offset in positions.items()
    ]
