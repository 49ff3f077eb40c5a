"""Follows outboxes: all that lies in them and all that is added, each aggregate's events in order, without a gap.

A change stream tells of a commit at once, but for that MongoDB reads all that any transaction writes, which costs it
half as much again as the writing. So while much comes, the outboxes are looked into every now and then instead.
"""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from math import exp

from pymongo import MongoClient
from pymongo.change_stream import ChangeStream
from pymongo.database import Database
from pymongo.read_concern import ReadConcern

from ecommerce import killpoints, outbox
from ecommerce.killpoints import Place
from ecommerce.storage import Document

Found = Generator[tuple[str, Document] | None, None, None]

# The broker pushes nothing through a closed or empty stream; this bounds how late a stop or a lost lease is noticed.
_AWAIT_MS = 250
MUCH, LITTLE = 1500, 500  # messages a second: with more than the first it looks, with less than the second it streams
_LOOK_EVERY = 0.1  # seconds, at 2,000 messages a second; sooner with fewer
_WINDOW = 0.5  # seconds
_MOST_AT_ONCE = 1000  # documents of an outbox: those behind them come when these are deleted
_MOST_KNOWN = 10_000
_SNAPSHOT = ReadConcern("snapshot")


def documents(databases: Sequence[Database[Document]]) -> Found:
    """What lies in the outboxes, then what is added, each with its database; None now and then while nothing is.

    Ends when its stream does: one whose database was dropped would be silent for ever.
    """
    known = _Known()
    while True:
        with stream(databases) as changes:
            yield from _streamed(databases, changes, known)
            if not changes.alive:
                return
        yield from _looked_for(databases, known)


@contextmanager
def stream(databases: Sequence[Database[Document]]) -> Iterator[ChangeStream[Document]]:
    """A change stream over the outboxes' insertions; one cursor even for several databases."""
    match: Document = {"operationType": "insert", "ns.coll": outbox.COLLECTION}
    target: Database[Document] | MongoClient[Document] = databases[0]
    if len(databases) > 1:
        target = databases[0].client
        match["ns.db"] = {"$in": [database.name for database in databases]}
    # The projection must keep `_id`: it is the resume token.
    pipeline = [{"$match": match}, {"$project": {"fullDocument": 1, "ns": 1}}]
    with target.watch(pipeline, max_await_time_ms=_AWAIT_MS, batch_size=1000) as stream:
        yield stream


def _streamed(databases: Sequence[Database[Document]], changes: ChangeStream[Document], known: "_Known") -> Found:
    """What lies there, then what the stream, which was opened before, brings: until that is much."""
    scanned: set[tuple[str, str]] = set()
    for name, document in _scan(databases):
        scanned.add((name, document["_id"]))
        if known.add(name, document):
            yield name, document
            killpoints.reached(Place.RELAY_AMID_SCAN, (name,))
    while changes.alive and known.rate < MUCH:
        change = changes.try_next()
        if change is None:
            scanned.clear()  # the stream has caught up with the scan
            yield None
            continue
        name, document = change["ns"]["db"], change["fullDocument"]
        if (name, document["_id"]) not in scanned:
            known.add(name, document)
            yield name, document


def _scan(databases: Sequence[Database[Document]]) -> Iterator[tuple[str, Document]]:
    """What lies in the outboxes, each aggregate's events in order, as of one moment after the stream was opened.

    The moment must be named: left to itself a snapshot is the newest that a majority has, which may be older than the
    stream, and a commit between the two would be in neither.
    """
    with databases[0].client.start_session() as session:
        databases[0].command("ping", session=session)
        assert session.cluster_time
        moment = {"level": "snapshot", "atClusterTime": session.cluster_time["clusterTime"]}
    for database in databases:
        find = {"find": outbox.COLLECTION, "sort": {"_id": 1}, "batchSize": 500, "readConcern": moment}
        with database.cursor_command(find) as found:
            for document in found:
                yield database.name, document


def _looked_for(databases: Sequence[Database[Document]], known: "_Known") -> Found:
    """What lies there and was not brought yet, look after look: until that is little."""
    while known.rate > LITTLE:
        started = time.monotonic()
        for database in databases:
            for document in _new_ones(database, known):
                known.add(database.name, document)
                yield database.name, document
                killpoints.reached(Place.RELAY_AMID_SCAN, (database.name,))
        yield None
        pause = min(_LOOK_EVERY, _LOOK_EVERY * known.rate / 2000)
        time.sleep(max(0.0, started + pause - time.monotonic()))


def _new_ones(database: Database[Document], known: "_Known") -> Iterator[Document]:
    """The first in line of those that are not known, in order.

    One look is one snapshot, and an aggregate's events are committed one after the other: so whoever is seen has been
    preceded by those before it, in this look or an earlier one.
    """
    waiting = database[outbox.COLLECTION]
    line = waiting.with_options(read_concern=_SNAPSHOT).find({}, {"_id": 1}, sort=[("_id", 1)], limit=_MOST_AT_ONCE)
    if ids := known.sifted(database.name, [each["_id"] for each in line]):
        yield from waiting.find({"_id": {"$in": ids}}, sort=[("_id", 1)])


class _Known:
    """The documents that were brought last, which may still lie there, and how many messages a second those are."""

    def __init__(self) -> None:
        self._brought: dict[str, dict[str, None]] = {}  # ids by database, the oldest first
        self._count = 0.0
        self._counted_at = 0.0

    def add(self, database: str, document: Document) -> bool:
        """Notes one that is brought; False for one that was before."""
        ids = self._brought.setdefault(database, {})
        if document["_id"] in ids:
            return False
        ids[document["_id"]] = None
        if len(ids) > _MOST_KNOWN:  # at worst it is brought again
            del ids[next(iter(ids))]
        self._count = self.rate * _WINDOW + len(document["messages"])
        self._counted_at = time.monotonic()
        return True

    def sifted(self, database: str, ids: Sequence[str]) -> list[str]:
        """Those of the ids that lie there which are not known. What lies there no more is forgotten."""
        known = self._brought.get(database, {})
        self._brought[database] = {id: None for id in ids if id in known}
        return [id for id in ids if id not in known]

    @property
    def rate(self) -> float:
        """Messages a second, of about the last half of one."""
        return self._count * exp((self._counted_at - time.monotonic()) / _WINDOW) / _WINDOW
