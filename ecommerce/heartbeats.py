"""What a process knows of itself, told to a service's database, so that another process can show it.

A document each, `{_id, kind, subject, holder, values, at}`, written when it changes and every `EVERY` seconds. `at` is
the database server's time. What has not been written for `ALIVE_SECONDS` is of a process that is dead, or cut off.

A thread of its own writes: nobody's work fails or waits because MongoDB does.
"""

import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import structlog
from pymongo import WriteConcern
from pymongo.database import Database

from ecommerce.outside import Outside
from ecommerce.registry import engine
from ecommerce.storage import HEARTBEATS, Document

EVERY = 2.0
ALIVE_SECONDS = 15.0
_FORGOTTEN_AFTER_MS = 24 * 3600 * 1000
_WRITTEN = WriteConcern(1)  # the next one replaces it anyway

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """What is told: `kind` and `subject` name it, `values` reads it (a flat document); both in `service`'s database."""

    service: str
    kind: str
    subject: str
    values: Callable[[], Document]


class Pulse:
    """All heartbeats of one process."""

    def __init__(self) -> None:
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._beats: list[Heartbeat] = []
        self._due = threading.Event()
        self._lock = threading.Lock()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def add(self, beat: Heartbeat) -> None:
        """Tells it from now on."""
        with self._lock:
            self._beats = [*self._beats, beat]
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="heartbeats", daemon=True)
                self._thread.start()
        self._due.set()

    def remove(self, beat: Heartbeat) -> None:
        """Tells it no more: it ages."""
        with self._lock:
            self._beats = [each for each in self._beats if each is not beat]

    def changed(self) -> None:
        """Tells everything now rather than at its time. Does not wait."""
        self._due.set()

    def stop(self) -> None:
        """Ends it, for good: nothing is written after that."""
        self._stopped = True
        self._due.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        forgotten: set[str] = set()
        while not self._stopped:
            self._due.wait(EVERY)
            self._due.clear()
            for beat in self._beats:
                try:
                    database = engine(beat.service).database
                    if beat.service not in forgotten:
                        forget_the_dead(database)
                        forgotten.add(beat.service)
                    tell(database, beat, holder=self.holder)
                except Exception as error:  # it must outlive whatever this is
                    log.info("heartbeat not written", kind=beat.kind, subject=beat.subject, error=repr(error)[:500])


@cache
def _pulse_of(pid: int) -> Pulse:
    return Pulse()


def pulse() -> Pulse:
    """This process's own; a forked child has another, since threads are not inherited."""
    return _pulse_of(os.getpid())


def watched(outside: Outside, *, service: str) -> Outside:
    """The same party; from now on the state of its circuit breaker is told to the database of `service`."""
    breaker, own = outside.breaker, pulse()
    breaker.on_change = own.changed
    own.add(Heartbeat(service=service, kind="breaker", subject=outside.name, values=breaker.describe))
    return outside


@contextmanager
def told(beat: Heartbeat) -> Iterator[None]:
    """Tells it inside the block."""
    own = pulse()
    own.add(beat)
    try:
        yield
    finally:
        own.remove(beat)


def tell(database: Database[Document], beat: Heartbeat, *, holder: str) -> None:
    """Writes one. Raises `PyMongoError`."""
    known = {"kind": beat.kind, "subject": beat.subject, "holder": holder, "values": beat.values()}
    database.get_collection(HEARTBEATS, write_concern=_WRITTEN).update_one(
        {"_id": f"{beat.kind}:{beat.subject}:{holder}"},
        [{"$set": {name: {"$literal": value} for name, value in known.items()} | {"at": "$$NOW"}}],
        upsert=True,
    )


def living(database: Database[Document], **of: Any) -> list[Document]:
    """The heartbeats of processes that live. Raises `PyMongoError`."""
    since = {"$subtract": ["$$NOW", int(ALIVE_SECONDS * 1000)]}
    return list(database[HEARTBEATS].find({**of, "$expr": {"$gte": ["$at", since]}}))


def forget_the_dead(database: Database[Document]) -> None:
    """Removes what no process has written for a day."""
    long_ago = {"$subtract": ["$$NOW", _FORGOTTEN_AFTER_MS]}
    database[HEARTBEATS].delete_many({"$expr": {"$lt": ["$at", long_ago]}})
