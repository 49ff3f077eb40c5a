"""Re-makes every aggregate of a service from its log and compares: the log is the truth, the aggregates are a cache."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from ecommerce import identity, storage
from ecommerce.messages import Message, MessageDiscarded, decode
from ecommerce.progress import Watch, unwatched
from ecommerce.service import Aggregate, Service, State
from ecommerce.storage import Document

_AT_ONCE = 500
# What the engine keeps beside the state, for a row without a log of its own.
_ALSO: Document = {"parked": 0, "stamp": 0, "created_at": None, "updated_at": None}


@dataclass(frozen=True, slots=True)
class Difference:
    """An aggregate whose stored document is not what its log folds to.

    `stored` is None where there is none, `folded` where there is no log. `also` is what else a new document gets.
    """

    service: str
    collection: str
    key: str
    folded: Document | None
    stored: Document | None
    also: Document = field(default_factory=dict)

    def __str__(self) -> str:
        where = f"{self.service}.{self.collection} {self.key}"
        if self.folded is None:
            return f"{where}: has no log"
        if self.stored is None:
            return f"{where}: is missing"
        details = [
            f"{name}: {self.stored.get(name)!r} should be {value!r}"
            for name, value in self.folded.items()
            if value != self.stored.get(name)
        ]
        return f"{where}: {', '.join(details)}"


@dataclass(slots=True)
class Folded:
    """What a log folds to. `affect(beside, names, message)` hears of own events and the rows beside that they name."""

    state: State
    version: int = 0

    def fold(
        self,
        service: Service,
        aggregate: Aggregate,
        history: Sequence[Document],
        affect: Callable[[Aggregate, Sequence[str], Message], None] | None = None,
    ) -> None:
        """Takes the entries of `history`. Raises what the domain raises, `LookupError` or `Undecodable`."""
        names: Sequence[str] = ()
        for entry in history:
            message = decode(entry["data"], service.kinds[entry["type"]]).payload
            self.version += 1
            if isinstance(message, MessageDiscarded):
                continue
            if not entry["own"]:
                names = sorted(set(aggregate.names(self.state, message)))
            elif aggregate.beside and affect:
                affect(aggregate.beside, names, message)
            self.state = aggregate.evolve(self.state, message)


class Fold:
    """Folds the whole log of a service as of one moment. `aggregates` counts what was compared."""

    def __init__(self, service: Service, database: Database[Document], *, watch: Watch = unwatched) -> None:
        self._service = service
        self._database = database
        self._watch = watch
        self._rows: dict[tuple[str, str], Folded] = {}  # those beside others, which many histories change
        self._beside = {each.beside.collection for each in service.aggregates if each.beside}
        self.aggregates = 0

    def differences(self) -> Iterator[Difference]:
        """Each aggregate that differs from its log."""
        with self._database.client.start_session(snapshot=True) as session:
            pending: dict[tuple[str, str], Folded] = {}
            times: dict[tuple[str, str], Document] = {}
            for history in self._watch(storage.histories(self._database, session=session), self._service.name):
                aggregate, key, folded = self._fold(history)
                times[aggregate.collection, key] = _times(history)
                if aggregate.collection not in self._beside:
                    pending[aggregate.collection, key] = folded
                if len(pending) >= _AT_ONCE:
                    yield from self._compare(pending, times, session)
                    pending, times = {}, {}
            yield from self._compare(pending | self._rows, times, session)

    def _fold(self, history: list[Document]) -> tuple[Aggregate, str, Folded]:
        key = storage.key_of(history[0])
        aggregate = aggregate_of(self._service, history)
        folded = self._folded(aggregate, key)
        folded.fold(self._service, aggregate, history, self._affect)
        return aggregate, key, folded

    def _folded(self, aggregate: Aggregate, key: str) -> Folded:
        if aggregate.collection not in self._beside:
            return Folded(aggregate.initial(key))
        return self._rows.setdefault((aggregate.collection, key), Folded(aggregate.initial(key)))

    def _affect(self, beside: Aggregate, names: Sequence[str], message: Message) -> None:
        # Histories come one after the other, not as they happened, so the effects on a shared row must commute.
        for name in names:
            row = self._folded(beside, name)
            row.state = beside.evolve(row.state, message)

    def _compare(
        self,
        folded: dict[tuple[str, str], Folded],
        times: dict[tuple[str, str], Document],
        session: ClientSession,
    ) -> Iterator[Difference]:
        stored = self._stored(list(folded), session)
        aggregates = {each.collection: each for each in self._service.aggregates}
        for (collection, key), each in folded.items():
            self.aggregates += 1
            found = compare(self._service, aggregates[collection], key, each, stored.get((collection, key)))
            if found:
                found.also.update(times.get((collection, key), {}))
                yield found

    def _stored(self, wanted: list[tuple[str, str]], session: ClientSession) -> dict[tuple[str, str], Document]:
        stored = {}
        for collection in {collection for collection, _ in wanted}:
            keys = [key for each, key in wanted if each == collection]
            for document in self._database[collection].find({"_id": {"$in": keys}}, session=session):
                stored[collection, document["_id"]] = document
        return stored


def aggregate_of(service: Service, history: Sequence[Document]) -> Aggregate:
    """The kind of aggregate that has this history: its first entry is always an input, whose kind tells."""
    kind = service.kinds[history[0]["type"]]
    if issubclass(kind, MessageDiscarded):
        return service.aggregate_in(decode(history[0]["data"], kind).payload.collection)
    return service.taker[kind]


def compare(
    service: Service, aggregate: Aggregate, key: str, folded: Folded, stored: Document | None
) -> Difference | None:
    """How the stored document differs from what the log folds to, if it does."""
    expected = storage.document_of(aggregate, key, folded.state) | {"v": folded.version}
    if stored is None:
        if not folded.version and folded.state == aggregate.initial(key):
            return None  # named by others, never written
    elif expected == storage.document_of(aggregate, key, storage.state_of(aggregate, stored)) | {"v": stored["v"]}:
        return None
    return Difference(service.name, aggregate.collection, key, expected, stored)


def difference_of(service: Service, database: Database[Document], key: str) -> Difference | None:
    """How one aggregate differs from its log, as of one moment; for those that no other history changes."""
    with database.client.start_session(snapshot=True) as session:
        history = storage.history(database, key, session=session)
        aggregate = aggregate_of(service, history) if history else service.aggregates[0]
        stored = database[aggregate.collection].find_one({"_id": key}, session=session)
    folded = Folded(aggregate.initial(key))
    folded.fold(service, aggregate, history)
    found = compare(service, aggregate, key, folded, stored)
    if found and history:
        found.also.update(_times(history))
        return found
    return found and Difference(found.service, found.collection, key, None, stored)


def repair(database: Database[Document], difference: Difference) -> bool:
    """Writes what the log folds to, unless the aggregate has moved on meanwhile. Says whether it did.

    All of the document is compared, not its version: a row beside others changes without a version of its own.
    """
    rows, folded, stored = database[difference.collection], difference.folded, difference.stored
    if folded is None:
        return bool(rows.delete_one(stored).deleted_count) if stored else False
    if stored is None:
        try:
            return bool(rows.insert_one(folded | _ALSO | difference.also).inserted_id)
        except DuplicateKeyError:
            return False
    fields = {name: value for name, value in folded.items() if name != "_id"}
    return bool(rows.update_one(stored, {"$set": fields}).matched_count)


def _times(history: Sequence[Document]) -> Document:
    """What the engine keeps beside the state of an aggregate that has this history."""
    taken: list[Any] = [entry["taken_at"] for entry in history]
    created, updated = min(taken), max(taken)
    return {"created_at": created, "updated_at": updated, "stamp": identity.milliseconds(updated)}
