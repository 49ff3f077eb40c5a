"""The one way of writing several documents at once: a MongoDB transaction that survives what MongoDB does to it.

`django.db.transaction.atomic` does nothing on MongoDB, and the backend's own `atomic` neither retries nor recovers
from a failed commit. Here the whole body runs again on a transient error (a write conflict, a step-down), an unknown
commit is committed again and never re-run, and the connection is reset however the block ends.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, connections
from django_mongodb_backend.base import DatabaseWrapper
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

T = TypeVar("T")

PATIENCE = 10.0  # seconds from the first attempt after which an error is the caller's
_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.1
# A commit without a majority fails after this long instead of blocking for ever; it is then unknown, not failed.
_MAJORITY = WriteConcern("majority", wtimeout=5000)
_SNAPSHOT = ReadConcern("snapshot")


def in_transaction(alias: str, body: Callable[[ClientSession], T], *, patience: float = PATIENCE) -> T:
    """Runs `body(session)` in one transaction of the database `alias` and gives what it returned.

    The body may run several times, so it must have no effect outside the database; ORM calls inside it join the
    transaction. Reads see one snapshot, writes reach a majority. Functions given to the connection's `on_commit` run
    after the commit, once. Blocks do not nest. Raises what the body raised, or the `PyMongoError` that outlasted
    `patience` seconds: if that one has the label UnknownTransactionCommitResult, the commit may have happened.
    """
    connection = connections[alias]
    assert isinstance(connection, DatabaseWrapper)
    if connection.in_atomic_block_mongo:
        raise RuntimeError(f"a transaction on {alias!r} is open already: they do not nest")
    give_up = time.monotonic() + patience
    attempt = 0
    while True:
        try:
            result = _attempt(connection, body, give_up)
        except (PyMongoError, DatabaseError) as error:
            if not _is_transient(error) or time.monotonic() >= give_up:
                raise
            _pause(attempt)
            attempt += 1
        else:
            connection.run_and_clear_commit_hooks()
            return result


def _attempt(connection: DatabaseWrapper, body: Callable[[ClientSession], T], give_up: float) -> T:
    connection.ensure_connection()
    with connection.connection.start_session() as session:
        session.start_transaction(_SNAPSHOT, _MAJORITY, ReadPreference.PRIMARY)
        connection.session = session
        connection.in_atomic_block_mongo = True
        try:
            result = body(session)
            _commit(session, give_up)
        except BaseException:
            connection.run_on_commit = []
            raise
        finally:
            # Whatever happened, nothing of this block may leak into the next one on this thread.
            connection.session = None
            connection.in_atomic_block_mongo = False
            connection.nested_atomics = 0
        return result


def _commit(session: ClientSession, give_up: float) -> None:
    """Commits; an unknown outcome is asked again, since committing twice is the same as once."""
    attempt = 0
    while True:
        try:
            session.commit_transaction()
        except PyMongoError as error:
            unknown = error.has_error_label("UnknownTransactionCommitResult")
            if not unknown or time.monotonic() >= give_up:
                raise
            _pause(attempt)
            attempt += 1
        else:
            return


def _is_transient(error: BaseException) -> bool:
    # The ORM wraps the driver's errors; the labels are on the cause.
    cause = error if isinstance(error, PyMongoError) else error.__cause__
    return isinstance(cause, PyMongoError) and cause.has_error_label("TransientTransactionError")


def _pause(attempt: int) -> None:
    """Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/"""
    ceiling = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(attempt, 10))
    time.sleep(random.uniform(0, ceiling))
