"""The outbox: one document per commit, holding that commit's public events in order, ready to be produced.

Written in the transaction of the events; deleted by the relay once the broker has acknowledged all of them.
"""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo.database import Database

from ecommerce import tracing
from ecommerce.messages import Envelope
from ecommerce.service import Service
from ecommerce.storage import Document

COLLECTION = "outbox"

_MOST_COUNTED = 10_000  # one by one

# The producer takes no message above 1,000,000 bytes, and one that it does not take would stop the relay for good.
_LARGEST_COPY = 900_000
_MOST_HEADERS = 50_000
_LONGEST_KEY = 1000


def document(stamp: int, messages: Sequence[Document]) -> Document:
    """An outbox document. Sorted by `_id`, documents have the order of their `stamp`s (milliseconds, Lamport)."""
    return {"_id": f"{stamp:015d}-{secrets.token_hex(6)}", "messages": list(messages)}


def oldest(database: Database[Document]) -> str | None:
    """The `_id` of the document that is first in line."""
    found = database[COLLECTION].find_one({}, {"_id": 1}, sort=[("_id", 1)])
    return None if found is None else str(found["_id"])


def depth(database: Database[Document]) -> int:
    """How many documents wait: exact up to 10,000, about right beyond.

    MongoDB's own count is there at once, but after a crash of it may be wrong from then on.
    """
    collection = database[COLLECTION]
    counted = collection.count_documents({}, limit=_MOST_COUNTED, hint="_id_")
    return counted if counted < _MOST_COUNTED else max(counted, collection.estimated_document_count())


def written_at(document: Document) -> datetime:
    """About when an outbox document was written: by its stamp, which is never before that of its writer's clock."""
    return datetime.fromtimestamp(int(document["_id"].partition("-")[0]) / 1000, UTC)


def message(event: Envelope[Any], data: bytes) -> Document:
    """A public event as the relay produces it."""
    return {
        "topic": event.payload.topic,
        "key": event.payload.key,
        "headers": [list(header) for header in headers_of(event)],
        "value": data,
    }


def headers_of(event: Envelope[Any]) -> list[tuple[str, bytes]]:
    """The Kafka headers of an event."""
    return [
        ("event-type", event.event_type.encode()),
        ("event-version", event.version.encode()),
        ("correlation-id", event.correlation_id.encode()),
        ("causation-id", (event.causation_id or "").encode()),
        ("traceparent", tracing.traceparent(event.correlation_id, event.event_id).encode()),
    ]


def dead_letter_copy(service: Service, letter: Document) -> Document:
    """A copy of a dead letter for the service's dead letter topic: the original bytes, the cause in headers.

    The copy of a message that is too large to be sent on is cut; the letter itself keeps all of it.
    """
    cause = {
        "dead-letter-id": letter["_id"],
        "dead-letter-error": letter["error"],
        "dead-letter-topic": letter["topic"],
        "dead-letter-offset": f"{letter['partition']}:{letter['offset']}",
        "dead-letter-size": len(letter["value"]),
    }
    added = [[name, str(value).encode()[:1000]] for name, value in cause.items()]
    original = letter["headers"]
    if sum(len(name.encode()) + len(value) for name, value in original) > _MOST_HEADERS:
        original = []
    return {
        "topic": f"{service.name}.dlq",
        "key": letter["key"][:_LONGEST_KEY],
        "headers": [*original, *added],
        "value": letter["value"][:_LARGEST_COPY],
    }
