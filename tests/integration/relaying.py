"""An outbox written by hand and shifts over it: what the tests of the relay share."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import repeat
from typing import Any

from django.conf import settings
from pymongo import MongoClient

from ecommerce import outbox
from ecommerce.relay import Shift
from tests.topics import Record
from tests.waiting import SECONDS


class Outbox:
    """The outbox of one database. `commit` writes a document as the engine does, stamped with its place in line."""

    def __init__(self, database: Any, topic: str) -> None:
        self.database = database
        self.topic = topic
        self.committed = 0

    def commit(self, *messages: tuple[str, str | bytes], topic: str = "") -> str:
        """Writes one document of (key, value) pairs."""
        self.committed += 1
        document = outbox.document(self.committed, [self.message(*message, topic=topic) for message in messages])
        self.database[outbox.COLLECTION].insert_one(document)
        return str(document["_id"])

    @property
    def left(self) -> list[str]:
        """The ids of the documents that nobody has deleted."""
        return [each["_id"] for each in self.database[outbox.COLLECTION].find(sort=[("_id", 1)])]

    def message(self, key: str, value: str | bytes, *, topic: str = "") -> dict[str, Any]:
        data = value.encode() if isinstance(value, str) else value
        return {"topic": topic or self.topic, "key": key, "headers": [["event-type", b"Test"]], "value": data}


@contextmanager
def client() -> Iterator[MongoClient[dict[str, Any]]]:
    """A client with the services' own options."""
    database = settings.DATABASES["orders"]
    with MongoClient[dict[str, Any]](database["HOST"], **database["OPTIONS"]) as each:
        yield each


def shift(*outboxes: Outbox, stop: Callable[[], bool]) -> int:
    """One shift, in this thread."""
    return Shift([each.database for each in outboxes], stop=stop).run()


def when_empty(*outboxes: Outbox, seconds: float = SECONDS) -> Callable[[], bool]:
    """A `stop` for when all is delivered, or it has taken too long."""
    give_up = time.monotonic() + seconds
    return lambda: not any(each.left for each in outboxes) or time.monotonic() > give_up


def after_looks(count: int) -> Callable[[], bool]:
    """A `stop` that lets the shift go on `count` times."""
    looks = iter(repeat(False, count))
    return lambda: next(looks, True)


@contextmanager
def working(*outboxes: Outbox) -> Iterator[tuple[Future[int], threading.Event]]:
    """A shift in a thread of its own: its outcome, and the event that stops it."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as executor:
        try:
            yield executor.submit(shift, *outboxes, stop=stop.is_set), stop
        finally:
            stop.set()


def firsts(records: Iterable[Record]) -> dict[str, list[str]]:
    """Each key's values, every value where it first occurs."""
    found: dict[str, dict[str, None]] = {}
    for record in records:
        found.setdefault(record.key, {})[record.value.decode()] = None
    return {key: list(values) for key, values in found.items()}


def values(records: Sequence[Record]) -> dict[str, list[str]]:
    """Each key's values as they lie there, repeats and all."""
    found: dict[str, list[str]] = {}
    for record in records:
        found.setdefault(record.key, []).append(record.value.decode())
    return found
