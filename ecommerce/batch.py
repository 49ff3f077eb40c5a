"""One attempt of the engine at one batch: what it read, decided and is about to write, inside one transaction."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import structlog
from pymongo.client_session import ClientSession
from pymongo.database import Database

from ecommerce import identity, outbox, positions, storage
from ecommerce.deadletters.letters import COLLECTION as DEAD_LETTERS
from ecommerce.deadletters.letters import letter, letter_id
from ecommerce.decision import decide
from ecommerce.held import Held, writes_of
from ecommerce.inputs import Input, Outcome, Position
from ecommerce.messages import Command, Envelope, Event, Message, MessageDiscarded, Refused, encode, seal_in_envelope
from ecommerce.mongodb import commands
from ecommerce.service import Aggregate, Service
from ecommerce.storage import Document

log = structlog.get_logger(__name__)

_NOTHING: Mapping[Position, int] = {}
_BOOKKEEPING = frozenset({"_id", "stamp", "created_at", "updated_at"})


class Batch:
    """Built anew for each attempt, since an attempt that MongoDB aborts must leave no trace."""

    def __init__(self, service: Service, database: Database[Document], session: ClientSession) -> None:
        self._service = service
        self._database = database
        self._session = session
        self._now = identity.now()
        self._held: dict[tuple[str, str], Held] = {}
        self._seen: set[str] = set()  # ids of log entries that exist
        self._set_aside: set[str] = set()  # ids of dead letters that exist
        self._entries: list[Document] = []
        self._published: list[tuple[Envelope[Any], bytes]] = []
        self._intents: list[Envelope[Any]] = []
        self._letters: list[Document] = []
        self.outcomes: list[Outcome] = []
        self.asked: list[Envelope[Any]] = []  # what is to be asked outside, once this is stored

    # Reading

    def load(self, inputs: Sequence[Input], *, look_up: bool) -> None:
        """Reads every aggregate that the inputs name, and with `look_up` which inputs were taken before.

        Without it, facts of the service's own are looked up all the same: where its log has them, nothing else is read.
        """
        if not look_up:
            inputs = self._without_known_facts(inputs)
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
        for document in commands.by_ids(self._database, aggregate.collection, missing, session=self._session):
            self._held[aggregate.collection, document["_id"]].read(document)

    def _without_known_facts(self, inputs: Sequence[Input]) -> Sequence[Input]:
        """The inputs but for facts of this service that its log has: all such, unless it is an older one put back."""
        publishes = self._service.publishes
        own = [given for given in inputs if given.envelope and type(given.envelope.payload) in publishes]
        self._look_up(own)
        return [given for given in inputs if not self._is_known(given)] if own else inputs

    def _look_up(self, inputs: Sequence[Input]) -> None:
        self._seen |= self._existing(storage.EVENTS, [storage.entry_id(given.key, given.id) for given in inputs])
        new = [given for given in inputs if not self._is_known(given)]
        self._set_aside |= self._existing(DEAD_LETTERS, [letter_id(given) for given in new])

    def _existing(self, collection: str, ids: Sequence[str]) -> set[str]:
        if not ids:
            return set()
        found = commands.by_ids(self._database, collection, ids, session=self._session, only_ids=True)
        return {document["_id"] for document in found}

    def _aggregate_of(self, given: Input) -> Aggregate:
        if given.envelope is not None:
            return self._service.taker[type(given.envelope.payload)]
        assert given.source is not None
        return self._service.aggregate_on(given.source.topic)

    # Deciding

    def take(self, given: Input) -> None:
        """Takes one input into the aggregates in memory, or sets it aside."""
        outcome = Outcome(given)
        self.outcomes.append(outcome)
        if self._is_known(given):
            outcome.duplicate = True
            return
        held = self._held_for(given)
        if held and held.parked and given.source:
            self._park(given, held, outcome, error=None)
            return
        error = self._decide(given, held, outcome)
        if error is None:
            return
        # Before it is refused or set aside: what was taken before may be refused now for its own effect.
        if given.envelope is not None:
            self._look_up([given])
        if self._is_known(given):
            outcome.duplicate = True
        else:
            self._fail(given, held, outcome, error)

    def retake(self, given: Input) -> Outcome:
        """Takes what was set aside, past the others of its aggregate that wait. Raises why it cannot be taken."""
        outcome = Outcome(given)
        self.outcomes.append(outcome)
        if storage.entry_id(given.key, given.id) in self._seen:
            outcome.duplicate = True
            return outcome
        error = self._decide(given, self._held_for(given), outcome)
        if error is not None:
            raise error
        return outcome

    def discard(self, message: MessageDiscarded, *, id: str) -> None:
        """Logs that the message `id` was given up: it counts as taken and changes nothing."""
        aggregate = self._service.aggregate_in(message.collection)
        self._load(aggregate, [message.of])
        if self._existing(storage.EVENTS, [storage.entry_id(message.of, id)]):
            return
        held = self._held[aggregate.collection, message.of]
        envelope = seal_in_envelope(message, id=id, at=self._now, cause=None)
        self._append(held, envelope, encode(envelope), own=False)
        held.become(held.state, self._now)

    def unpark(self, collection: str, key: str) -> None:
        """Nothing waits any more for this aggregate, which was loaded: what comes now is taken as it comes."""
        held = self._held[collection, key]
        held.parked = 0
        held.become(held.state, self._now)

    def park_behind(self, given: Input) -> int | None:
        """The place of `given` behind those that its aggregate, which was loaded, waits for; None if it does not."""
        held = self._held_for(given)
        if held is None or not held.parked:
            return None
        held.parked += 1
        held.become(held.state, self._now)
        return held.parked - 1

    def changes(self) -> Iterator[tuple[str, str, Document, Document]]:
        """What became different, before it is written: collection, key, and the fields as they were and as they are."""
        for held in self._held.values():
            was, now = held.stored or {}, held.document()
            names = [name for name in now if name not in _BOOKKEEPING and was.get(name) != now[name]]
            if held.dirty and names:
                yield held.aggregate.collection, held.key, {n: was.get(n) for n in names}, {n: now[n] for n in names}

    def _is_known(self, given: Input) -> bool:
        if storage.entry_id(given.key, given.id) in self._seen:
            return True
        return bool(self._set_aside) and letter_id(given) in self._set_aside

    def _held_for(self, given: Input) -> Held | None:
        return self._held[self._aggregate_of(given).collection, given.key] if given.key else None

    def _decide(self, given: Input, held: Held | None, outcome: Outcome) -> Exception | None:
        """Takes an input into its aggregate, or gives why it cannot be taken: then nothing has changed."""
        envelope = given.envelope
        if envelope is None:
            return given.error
        if held is None:
            return ValueError("the message has no key")
        rows = self._rows_beside(held, envelope.payload)
        states = {name: row.state for name, row in rows.items()}
        try:
            decision = decide(self._service.name, held.aggregate, held.state, states, envelope, at=self._now)
        except Exception as error:
            return error
        self._append(held, envelope, given.data, own=False)
        for event, data in decision.events:
            self._append(held, event, data, own=True)
            self._pass_on(event, data)
        held.become(decision.state, self._now)
        for name, row in rows.items():
            if decision.rows[name] is not row.state:
                row.become(decision.rows[name], self._now)
        outcome.events = [event for event, _ in decision.events]
        outcome.began = held.created_at
        return None

    def _rows_beside(self, held: Held, payload: Message) -> dict[str, Held]:
        beside = held.aggregate.beside
        if beside is None:
            return {}
        names = sorted(set(held.aggregate.names(held.state, payload)))
        self._load(beside, names)  # only what an earlier input of this batch made necessary; usually nothing
        return {name: self._held[beside.collection, name] for name in names}

    def _append(self, held: Held, envelope: Envelope[Any], data: bytes, *, own: bool) -> None:
        held.version += 1
        entry = storage.entry(held.key, envelope, data, version=held.version, own=own, taken_at=self._now)
        self._seen.add(entry["_id"])
        self._entries.append(entry)

    def _pass_on(self, event: Envelope[Any], data: bytes) -> None:
        if isinstance(event.payload, Event):
            self._published.append((event, data))
        if type(event.payload) in self._service.asks:
            self._intents.append(event)

    # Setting aside

    def _fail(self, given: Input, held: Held | None, outcome: Outcome, error: Exception) -> None:
        if given.envelope is not None and isinstance(given.envelope.payload, Command):
            if not isinstance(error, Refused):
                raise error
            outcome.refused = error
            return
        log.error("parked", event_id=given.id, correlation_id=given.key, error=repr(error), exc_info=error)
        self._park(given, held, outcome, error=error)

    def _park(self, given: Input, held: Held | None, outcome: Outcome, *, error: Exception | None) -> None:
        """Sets a message aside, as the failed one (`error`) or as a follower that waits behind it."""
        # `parked` is the next place, not a number of letters: a replay that stops half-way must not give one out again.
        collection, place = (held.aggregate.collection, held.parked) if held else ("", 0)
        parked = letter(given, collection=collection, place=place, error=error, at=self._now)
        self._letters.append(parked)
        self._set_aside.add(parked["_id"])
        outcome.parked = True
        if held:
            held.parked += 1
            held.become(held.state, self._now)

    def labels(self) -> Iterator[str]:
        """Those of the engine's kill points: the service, and the types of the log entries."""
        yield self._service.name
        yield from (entry["type"] for entry in self._entries)

    # Writing

    def write(self, moved: Mapping[Position, int] = _NOTHING, *, known: Mapping[Position, int] = _NOTHING) -> None:
        """Writes all that was decided, few commands in all, and the consumer's positions where they `moved`."""
        self.asked = self._intents
        dirty = [held for held in self._held.values() if held.dirty]
        self._write_outbox(dirty)
        self._insert(storage.EVENTS, self._entries)
        for collection, writes in writes_of(dirty).items():
            self._insert(collection, writes.inserts)
            if writes.updates:
                commands.update(self._database, collection, writes.updates, session=self._session)
        self._insert(DEAD_LETTERS, self._letters)
        positions.save(self._database, moved, known=known, session=self._session)

    def _write_outbox(self, dirty: Sequence[Held]) -> None:
        messages = [outbox.message(event, data) for event, data in self._published]
        messages += [outbox.dead_letter_copy(self._service, parked) for parked in self._letters]
        if not messages:
            return
        # A Lamport clock: above the stamp of every aggregate in hand, so the outbox sorted by `_id` has each
        # aggregate's events in their order whatever the clocks of the writers say.
        now = identity.milliseconds(identity.now())
        stamp = max([now, *(held.stamp + 1 for held in dirty)])
        for held in dirty:
            held.stamp = stamp
        self._insert(outbox.COLLECTION, [outbox.document(stamp, messages)])

    def _insert(self, collection: str, documents: Sequence[Document]) -> None:
        if documents:
            commands.insert(self._database, collection, documents, session=self._session)
