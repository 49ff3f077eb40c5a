"""What an outside party remembers (SQLite): one state per order, every movement ever made, and whom it has to tell."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS movements (
    seq INTEGER PRIMARY KEY, order_id TEXT NOT NULL, kind TEXT NOT NULL, reference TEXT NOT NULL, at TEXT NOT NULL,
    amount INTEGER, currency TEXT
);
CREATE INDEX IF NOT EXISTS movements_of_an_order ON movements (order_id);
CREATE TABLE IF NOT EXISTS notices (
    seq INTEGER PRIMARY KEY, order_id TEXT NOT NULL, status TEXT NOT NULL, body BLOB NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, UNIQUE (order_id, status)
);
"""
_READ = "SELECT seq, order_id, kind, reference, at, amount, currency FROM movements"
_WRITE = "INSERT INTO movements (order_id, kind, reference, at, amount, currency) VALUES (?, ?, ?, ?, ?, ?)"


class Movement(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that happened once: a hold, a capture, a booking. `amount` is in minor units, `at` in UTC."""

    seq: int
    order: str
    kind: str
    reference: str
    at: datetime
    amount: int | None = None
    currency: str | None = None


class Notice(NamedTuple):
    """Something that the client has to be told of."""

    seq: int
    body: bytes


def now() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)


class Ledger:
    """The durable memory of one party. Only its event loop's thread uses it.

    What `write` has returned survives a SIGKILL of the process: the write-ahead log is with the operating system by
    then. A power cut may take the last of it (synchronous=NORMAL).
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_SCHEMA)
        self._commit: asyncio.Future[None] | None = None

    async def write(self, work: Callable[[], T]) -> T:
        """Runs `work`, which calls `keep` and `record`, and returns its value once it is committed.

        All writes of one turn of the event loop share a commit, and its failure.
        """
        commit = self._shared_commit()
        try:
            value = work()
        except Exception as error:
            self._fail(commit, error)
            raise
        # Shielded: a request that is given up must not cancel the commit that others wait for.
        await asyncio.shield(commit)
        return value

    def state_of(self, order: str) -> bytes | None:
        """What was last kept for `order`."""
        row = self._database.execute("SELECT state FROM orders WHERE id = ?", (order,)).fetchone()
        return row[0] if row else None

    def keep(self, order: str, state: bytes) -> None:
        """Replaces the state of `order`."""
        self._database.execute("INSERT OR REPLACE INTO orders (id, state) VALUES (?, ?)", (order, state))

    def record(
        self, *, order: str, kind: str, reference: str, amount: int | None = None, currency: str | None = None
    ) -> None:
        """Appends a movement that happens now."""
        at = now().isoformat(timespec="milliseconds")
        self._database.execute(_WRITE, (order, kind, reference, at, amount, currency))

    def movements(self, *, after: int, limit: int) -> list[Movement]:
        """A page of all movements, oldest first, from behind the sequence number `after`."""
        return list(self._read(f"{_READ} WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)))

    def movements_of(self, order: str) -> list[Movement]:
        """Every movement of one order, oldest first."""
        return list(self._read(f"{_READ} WHERE order_id = ? ORDER BY seq", (order,)))

    def keep_notice(self, order: str, status: str, body: bytes) -> None:
        """Keeps a notice until it is dropped, unless the same is kept already."""
        values = (order, status, body)
        self._database.execute("INSERT OR IGNORE INTO notices (order_id, status, body) VALUES (?, ?, ?)", values)

    def notices(self, *, limit: int) -> list[Notice]:
        """What is to be sent: first what was tried least, of that the oldest."""
        found = self._database.execute("SELECT seq, body FROM notices ORDER BY attempts, seq LIMIT ?", (limit,))
        return [Notice(*row) for row in found]

    def put_off_notice(self, seq: int) -> None:
        """Counts an attempt that failed: others come first now."""
        self._database.execute("UPDATE notices SET attempts = attempts + 1 WHERE seq = ?", (seq,))

    def drop_notice(self, seq: int) -> None:
        """The client knows."""
        self._database.execute("DELETE FROM notices WHERE seq = ?", (seq,))

    def close(self) -> None:
        """Folds the write-ahead log into the database file and lets go of it."""
        self._database.close()

    def _read(self, query: str, values: tuple[Any, ...]) -> Iterator[Movement]:
        for seq, order, kind, reference, at, amount, currency in self._database.execute(query, values):
            yield Movement(seq, order, kind, reference, datetime.fromisoformat(at), amount, currency)

    def _shared_commit(self) -> asyncio.Future[None]:
        if self._commit is None:
            loop = asyncio.get_running_loop()
            self._database.execute("BEGIN IMMEDIATE")
            self._commit = loop.create_future()
            loop.call_soon(self._finish, self._commit)
        return self._commit

    def _finish(self, commit: asyncio.Future[None]) -> None:
        if commit.done():
            return  # it has failed
        try:
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            self._fail(commit, error)
        else:
            self._commit = None
            commit.set_result(None)

    def _fail(self, commit: asyncio.Future[None], error: Exception) -> None:
        self._commit = None
        if self._database.in_transaction:
            self._database.execute("ROLLBACK")
        commit.set_exception(error)
        commit.exception()  # read once, so that a commit that nobody waits for is not reported as forgotten
