"""Aggregates in the hands of a batch: as they were read, as they have become, and the writes between the two."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pymongo import InsertOne, UpdateOne

from ecommerce import storage
from ecommerce.service import Aggregate, State
from ecommerce.storage import Document

Write = InsertOne[Document] | UpdateOne


@dataclass(slots=True)
class Held:
    """An aggregate in hand. `stamp` is that of the last outbox document with its events."""

    aggregate: Aggregate
    key: str
    state: State
    version: int = 0
    parked: int = 0
    stamp: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None
    stored: Document | None = None  # what it was read from; None for a new one
    dirty: bool = False

    def read(self, document: Document) -> None:
        """Takes over what is stored."""
        self.state = storage.state_of(self.aggregate, document)
        self.version, self.parked, self.stamp = document["v"], document["parked"], document["stamp"]
        self.created_at, self.updated_at = document["created_at"], document["updated_at"]
        self.stored = document

    def become(self, state: State, at: datetime) -> None:
        """Takes the next state, as of `at`."""
        self.state = state
        self.created_at = self.created_at or at
        self.updated_at = max(self.updated_at or at, at)
        self.dirty = True

    def write(self) -> Write:
        """What stores it, in the transaction that read it."""
        document = storage.document_of(self.aggregate, self.key, self.state)
        document |= {"v": self.version, "parked": self.parked, "stamp": self.stamp}
        document |= {"created_at": self.created_at, "updated_at": self.updated_at}
        stored = self.stored
        if stored is None:
            return InsertOne(document)
        # Only the difference: replication, the journal and change streams carry and read all that is written.
        changed = {name: value for name, value in document.items() if stored.get(name) != value}
        # By `_id` alone: this transaction read the document from its snapshot, so a concurrent write of it makes this
        # one a WriteConflict, and the whole batch runs again. That is the version check.
        return UpdateOne({"_id": self.key}, {"$set": changed})


def writes_of(dirty: Iterable[Held]) -> dict[str, list[Write]]:
    """The writes that store these aggregates, by collection."""
    writes: dict[str, list[Write]] = {}
    for held in dirty:
        writes.setdefault(held.aggregate.collection, []).append(held.write())
    return writes
