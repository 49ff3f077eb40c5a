"""Messages set aside: the one that failed on its own, and behind it, in order, the later ones of the same aggregate."""

from datetime import datetime

from ecommerce.inputs import Input
from ecommerce.storage import Document

COLLECTION = "dead_letters"

FAILED = "FAILED"  # it could not be read or taken
WAITING = "WAITING"  # it waits behind a failed one of its aggregate


def letter_id(given: Input) -> str:
    """The same message read again is the same dead letter."""
    if given.source is None:
        return f"{given.key}:{given.id}"
    return f"{given.source.topic}:{given.source.partition}:{given.source.offset}"


def letter(given: Input, *, place: int, error: Exception | None, at: datetime) -> Document:
    """The stored form. `place` is its rank among those that its aggregate waits for, from 0."""
    source = given.source
    return {
        "_id": letter_id(given),
        "key": given.key,
        "place": place,
        "status": FAILED if error is not None else WAITING,
        "error": "" if error is None else f"{type(error).__name__}: {error}"[:2000],
        "attempts": 0 if error is None else 1,
        "event_id": given.id,
        "event_type": given.envelope.event_type if given.envelope else _named_type(given),
        "topic": source.topic if source else "",
        "partition": source.partition if source else -1,
        "offset": source.offset if source else -1,
        "headers": [[name, value or b""] for name, value in source.headers] if source else [],
        "value": given.data,
        "parked_at": at,
    }


def _named_type(given: Input) -> str:
    header = given.source.header("event-type") if given.source else None
    return (header or b"").decode(errors="replace")
