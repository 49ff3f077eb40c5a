"""Every place where this installation keeps something, record by record."""

import gzip
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import redis
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from confluent_kafka import OFFSET_BEGINNING
from django.conf import settings
from django.db import connections
from pymongo.collection import Collection

from ecommerce import kafka
from ecommerce.registry import services
from ecommerce.topics import topics_of
from ecommerce.wholetopics import read_to_end

PATIENCE = 30.0  # seconds for Kafka to say what it has
_PIECE = 1 << 20
_OVERLAP = 1 << 12


class Store(NamedTuple):
    """One of them: a collection, a topic, a file. `records` reads it from its start."""

    name: str
    records: Callable[[], Iterable[bytes]]


def all_stores() -> list[Store]:
    """All of them. Raises what a server that is out of reach has its client raise."""
    logs = [path for path in sorted(settings.LOG_FOLDER.rglob("*")) if path.is_file()]
    ledgers = [path for path in settings.SANDBOX_LEDGERS if path.is_file()]
    return [
        *_collections(),
        *_topics(),
        *_redis(),
        *(Store(f"log {path.relative_to(settings.LOG_FOLDER)}", partial(_lines, path)) for path in logs),
        *(Store(f"ledger {path}", partial(_rows, path)) for path in ledgers),
    ]


def _collections() -> Iterator[Store]:
    raw = CodecOptions(document_class=RawBSONDocument)
    for alias in settings.DATABASES:
        connections[alias].ensure_connection()
        database = connections[alias].database
        for name in sorted(database.list_collection_names()):
            collection = database[name].with_options(codec_options=raw)
            yield Store(f"collection {database.name}.{name}", partial(_documents, collection))


def _documents(collection: Collection[RawBSONDocument]) -> Iterator[bytes]:
    return (bytes(document.raw) for document in collection.find())


def _topics() -> Iterator[Store]:
    client = kafka.admin()
    there = client.list_topics(timeout=PATIENCE).topics
    for name in sorted(topics_of(services())):
        if name in there:
            partitions = list(there[name].partitions)
            yield Store(f"topic {name}", partial(_messages, name, partitions))


def _messages(name: str, partitions: list[int]) -> Iterator[bytes]:
    for message in read_to_end({(name, each): OFFSET_BEGINNING for each in partitions}):
        parts = [message.key(), message.value(), *(pair[1] for pair in message.headers() or ())]
        yield b"\0".join(part.encode() if isinstance(part, str) else bytes(part or b"") for part in parts)


def _redis() -> Iterator[Store]:
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.ping()
    yield Store("redis", lambda: (b"\0".join((key, *_values(client, key))) for key in client.scan_iter(count=1000)))


def _values(client: Any, key: bytes) -> Iterator[bytes]:
    kind: bytes = client.type(key)
    match kind:
        case b"string":
            yield client.get(key) or b""
        case b"list":
            yield from client.lrange(key, 0, -1)
        case b"set":
            yield from client.sscan_iter(key)
        case b"zset":
            yield from (member for member, _ in client.zscan_iter(key))
        case b"hash":
            yield from (part for pair in client.hscan_iter(key) for part in pair)
        case b"stream":
            yield from (part for _, fields in client.xrange(key) for pair in fields.items() for part in pair)


def _lines(path: Path) -> Iterator[bytes]:
    """A file line by line; a line without an end in pieces that overlap."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        rest = b""
        while piece := file.readline(_PIECE):
            yield rest + piece
            rest = b"" if piece.endswith(b"\n") else piece[-_OVERLAP:]


def _rows(path: Path) -> Iterator[bytes]:
    """A sandbox ledger's rows, of all its tables: what is still in its write-ahead log too."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as ledger:
        for (table,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in ledger.execute(f'SELECT * FROM "{table}"'):
                yield b"\0".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
