"""Re-makes every aggregate of a service from its log and compares: the log is the truth, the aggregates are a cache."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.database import Database

from ecommerce import storage
from ecommerce.messages import Message, MessageDiscarded, decode
from ecommerce.service import Aggregate, Service, State
from ecommerce.storage import Document

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """An aggregate whose stored document is not what its log folds to. `stored` is None where there is none."""

    service: str
    collection: str
    key: str
    folded: Document
    stored: Document | None

    def __str__(self) -> str:
        stored = self.stored or {}
        fields = [name for name in self.folded if self.folded[name] != stored.get(name)]
        details = ", ".join(f"{name}: {stored.get(name)!r} should be {self.folded[name]!r}" for name in fields)
        return f"{self.service}.{self.collection} {self.key}: {details or 'is not in the log'}"


@dataclass(slots=True)
class _Folded:
    state: State
    version: int = 0


class Fold:
    """Folds the whole log of a service as of one moment. `aggregates` counts what was compared."""

    def __init__(self, service: Service, database: Database[Document]) -> None:
        self._service = service
        self._database = database
        self._rows: dict[tuple[str, str], _Folded] = {}  # those beside others, which many histories change
        self._beside = {each.beside.collection for each in service.aggregates if each.beside}
        self.aggregates = 0

    def differences(self) -> Iterator[Difference]:
        """Each aggregate that differs from its log."""
        with self._database.client.start_session(snapshot=True) as session:
            pending: dict[tuple[str, str], _Folded] = {}
            aggregate_of = {each.collection: each for each in self._service.aggregates}
            for history in storage.histories(self._database, session=session):
                aggregate, key, folded = self._fold(history)
                if aggregate.collection not in self._beside:
                    pending[aggregate.collection, key] = folded
                if len(pending) >= _AT_ONCE:
                    yield from self._compare(aggregate_of, pending, session)
                    pending = {}
            yield from self._compare(aggregate_of, pending | self._rows, session)

    def _fold(self, history: list[Document]) -> tuple[Aggregate, str, _Folded]:
        key = storage.key_of(history[0])
        kinds = self._service.kinds
        aggregate = self._aggregate_of(history[0])
        folded = self._folded(aggregate, key)
        names: list[str] = []
        for entry in history:
            message = decode(entry["data"], kinds[entry["type"]]).payload
            if isinstance(message, MessageDiscarded):
                folded.version += 1
                continue
            if not entry["own"]:
                names = sorted(set(aggregate.names(folded.state, message)))
            elif aggregate.beside:
                self._affect(aggregate.beside, names, message)
            folded.state = aggregate.evolve(folded.state, message)
            folded.version += 1
        return aggregate, key, folded

    def _aggregate_of(self, first: Document) -> Aggregate:
        """The first entry is always an input, and an input's kind tells the kind of aggregate."""
        kind = self._service.kinds[first["type"]]
        if issubclass(kind, MessageDiscarded):
            return self._service.aggregate_in(decode(first["data"], kind).payload.collection)
        return self._service.taker[kind]

    def _folded(self, aggregate: Aggregate, key: str) -> _Folded:
        if aggregate.collection not in self._beside:
            return _Folded(aggregate.initial(key))
        return self._rows.setdefault((aggregate.collection, key), _Folded(aggregate.initial(key)))

    def _affect(self, beside: Aggregate, names: list[str], message: Message) -> None:
        # Histories come one after the other, not as they happened, so the effects on a shared row must commute.
        for name in names:
            row = self._folded(beside, name)
            row.state = beside.evolve(row.state, message)

    def _compare(
        self, aggregate_of: dict[str, Aggregate], folded: dict[tuple[str, str], _Folded], session: ClientSession
    ) -> Iterator[Difference]:
        stored = self._stored(list(folded), session)
        for (collection, key), each in folded.items():
            self.aggregates += 1
            aggregate = aggregate_of[collection]
            document = storage.document_of(aggregate, key, each.state) | {"v": each.version}
            found = stored.get((collection, key))
            if found is not None:
                found = storage.document_of(aggregate, key, storage.state_of(aggregate, found)) | {"v": found["v"]}
            elif each.state == aggregate.initial(key) and not each.version:
                continue  # named by others, never written
            if found != document:
                yield Difference(self._service.name, collection, key, document, found)

    def _stored(self, wanted: list[tuple[str, str]], session: ClientSession) -> dict[tuple[str, str], Document]:
        stored = {}
        for collection in {collection for collection, _ in wanted}:
            keys = [key for each, key in wanted if each == collection]
            for document in self._database[collection].find({"_id": {"$in": keys}}, session=session):
                stored[collection, document["_id"]] = document
        return stored


def repair(database: Database[Document], difference: Difference) -> bool:
    """Writes what the log folds to, unless the aggregate has moved on meanwhile. Says whether it did."""
    was: dict[str, Any] = {"_id": difference.key}
    if difference.stored is not None:
        was["v"] = difference.stored["v"]
    defaults = {"parked": 0, "stamp": 0}
    fields = {name: value for name, value in difference.folded.items() if name != "_id"}
    result = database[difference.collection].update_one(
        was, {"$set": fields, "$setOnInsert": defaults}, upsert=difference.stored is None
    )
    return bool(result.matched_count or result.upserted_id)
