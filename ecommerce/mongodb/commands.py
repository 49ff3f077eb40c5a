"""The commands of the engine's transactions, given to MongoDB as they are.

PyMongo's helpers for the same (cursors, bulk writes) take a quarter of what a transaction of one message costs its
process (`docs/adr/0010-cost-of-a-saga.md`). All three join the transaction of `session` and raise PyMongo's errors.
"""

from collections.abc import Collection, Sequence

from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from ecommerce.storage import Document


def by_ids(
    database: Database[Document],
    collection: str,
    ids: Collection[str],
    *,
    session: ClientSession,
    only_ids: bool = False,
) -> list[Document]:
    """The documents with these ids, or of them the ids, in any order."""
    wanted = {"_id": {"$in": [*ids]}}
    fields = {"_id": 1} if only_ids else {}
    # Room for one more: an answer that is full does not say that it is the last.
    command = {"find": collection, "filter": wanted, "projection": fields, "batchSize": len(ids) + 1}
    cursor = database.command(command, codec_options=database.codec_options, session=session)["cursor"]
    found: list[Document] = cursor["firstBatch"]
    if cursor["id"]:  # an answer holds 16 MB
        rest = {"getMore": cursor["id"], "collection": collection}
        while cursor["id"]:
            cursor = database.command(rest, codec_options=database.codec_options, session=session)["cursor"]
            found += cursor["nextBatch"]
    return found


def insert(
    database: Database[Document], collection: str, documents: Sequence[Document], *, session: ClientSession
) -> None:
    """Inserts documents of up to 48 MB in all; each has its `_id`. Raises `BulkWriteError`."""
    _write(database, {"insert": collection, "documents": documents}, session)


def update(
    database: Database[Document], collection: str, statements: Sequence[Document], *, session: ClientSession
) -> None:
    """Makes the updates `{q, u, multi}`, in any order. Raises `BulkWriteError`."""
    _write(database, {"update": collection, "updates": statements, "ordered": False}, session)


def _write(database: Database[Document], command: Document, session: ClientSession) -> None:
    answer = database.command(command, session=session)
    if answer.get("writeErrors"):
        raise BulkWriteError(answer)
