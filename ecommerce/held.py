"""Aggregates in the hands of a batch: as they were read, as they have become, and the writes between the two."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import msgspec

from ecommerce import storage
from ecommerce.service import Aggregate, State
from ecommerce.storage import Document


class Writes(NamedTuple):
    """What becomes different in a collection: new documents, and MongoDB's update statements."""

    inserts: list[Document]
    updates: list[Document]


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

    def document(self) -> Document:
        """What is to be stored."""
        document = storage.document_of(self.aggregate, self.key, self.state)
        document |= {"v": self.version, "parked": self.parked, "stamp": self.stamp}
        return document | {"created_at": self.created_at, "updated_at": self.updated_at}


def writes_of(dirty: Iterable[Held]) -> dict[str, Writes]:
    """The writes that store these aggregates, in the transaction that read them, by collection.

    An update says only what is different: replication, the journal and change streams carry and read all that is
    written. Orders that are at the same point become different in the same way, and share one.
    """
    writes: dict[str, Writes] = defaultdict(lambda: Writes([], []))
    alike: dict[tuple[str, bytes], tuple[Document, list[str]]] = {}
    for held in dirty:
        collection, document, stored = held.aggregate.collection, held.document(), held.stored
        if stored is None:
            writes[collection].inserts.append(document)
        else:
            changed = {name: value for name, value in document.items() if stored.get(name) != value}
            alike.setdefault((collection, msgspec.msgpack.encode(changed)), (changed, []))[1].append(held.key)
    for (collection, _), (changed, keys) in alike.items():
        # By `_id` alone: this transaction read the documents from its snapshot, so a concurrent write of one makes this
        # a WriteConflict, and the whole batch runs again. That is the version check.
        writes[collection].updates.append(_update(keys, {"$set": changed}))
    return writes


def _update(keys: list[str], change: Document) -> Document:
    # One by its bare `_id` MongoDB finds without a plan, in half the time.
    if len(keys) == 1:
        return {"q": {"_id": keys[0]}, "u": change}
    return {"q": {"_id": {"$in": keys}}, "u": change, "multi": True}
