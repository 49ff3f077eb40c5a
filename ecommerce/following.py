"""Follows outboxes: what lies in them, then what is added, without a gap between the two."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pymongo import MongoClient
from pymongo.change_stream import ChangeStream
from pymongo.database import Database

from ecommerce import killpoints, outbox
from ecommerce.killpoints import Place
from ecommerce.storage import Document

# The broker pushes nothing through a closed or empty stream; this bounds how late a stop or a lost lease is noticed.
_AWAIT_MS = 250


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


def documents(
    databases: Sequence[Database[Document]], stream: ChangeStream[Document]
) -> Iterator[tuple[str, Document] | None]:
    """What lies in the outboxes, then what is added, each with its database; None now and then while nothing is.

    Ends when the stream does: one whose database was dropped would be silent for ever.
    """
    scanned: set[tuple[str, str]] = set()
    for name, document in _scan(databases):
        scanned.add((name, document["_id"]))
        yield name, document
        killpoints.reached(Place.RELAY_AMID_SCAN, (name,))
    while stream.alive:
        change = stream.try_next()
        if change is None:
            scanned.clear()  # the stream has caught up with the scan
            yield None
            continue
        name, document = change["ns"]["db"], change["fullDocument"]
        if (name, document["_id"]) not in scanned:
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
