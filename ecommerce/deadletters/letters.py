"""Messages set aside: the one that failed on its own, and behind it, in order, the later ones of the same aggregate."""

import hashlib
from datetime import datetime

from ecommerce.inputs import Input, Source
from ecommerce.messages import Undecodable, decode
from ecommerce.reading import read_bytes
from ecommerce.service import Service
from ecommerce.storage import Document

COLLECTION = "dead_letters"

FAILED = "FAILED"  # it could not be read or taken
WAITING = "WAITING"  # it waits behind a failed one of its aggregate
QUARANTINED = "QUARANTINED"  # it failed so often that only those who name it replay it
REPLAYED = "REPLAYED"  # it was taken after all
DISCARDED = "DISCARDED"  # it was given up
OPEN = (FAILED, WAITING, QUARANTINED)
STATUSES = (*OPEN, REPLAYED, DISCARDED)

LONGEST_ERROR = 2000  # characters


def letter_id(given: Input) -> str:
    """The same message read again is the same dead letter.

    The bytes take part: in a topic that was made anew, the same place holds another message.
    """
    source = given.source
    if source is None:
        return f"{given.key}:{given.id}"
    digest = hashlib.blake2b(given.data, digest_size=4).hexdigest()
    return f"{source.topic}:{source.partition}:{source.offset}:{digest}"


def letter(given: Input, *, collection: str, place: int, error: Exception | None, at: datetime) -> Document:
    """The stored form. `place` is its rank among those that its aggregate, in `collection`, waits for, from 0."""
    source = given.source
    return {
        "_id": letter_id(given),
        "collection": collection,
        "key": given.key,
        "place": place,
        "status": FAILED if error is not None else WAITING,
        "error": "" if error is None else describe(error),
        "attempts": 0 if error is None else 1,
        "event_id": given.id,
        "event_type": given.envelope.event_type if given.envelope else _named_type(given),
        "topic": source.topic if source else "",
        "partition": source.partition if source else -1,
        "offset": source.offset if source else -1,
        "message_key": source.key if source else None,
        "headers": [[name, value or b""] for name, value in source.headers] if source else [],
        "value": given.data,
        "edited": None,
        "history": [],
        "parked_at": at,
        "closed_at": None,
    }


def describe(error: Exception) -> str:
    """An error as a letter keeps it."""
    return f"{type(error).__name__}: {error}"[:LONGEST_ERROR]


def reread(service: Service, letter: Document) -> Input:
    """The input that a letter holds, as today's code reads it: what is edited, in place of the original.

    What cannot be read still has an `error`, and so has what the service does not take any more.
    """
    if letter["edited"] is not None:
        return read_edited(service, letter, letter["edited"])
    if letter["topic"]:
        source = _source(letter)
        given = read_bytes(service, letter["value"], source)
        return given or _unreadable(letter, Undecodable(f"{letter['event_type']} is not taken by {service.name}"))
    kind = service.kinds[letter["event_type"]]
    try:
        envelope = decode(letter["value"], kind)
    except Undecodable as error:
        return _unreadable(letter, error)
    return Input(id=letter["event_id"], key=letter["key"], data=letter["value"], envelope=envelope)


def read_edited(service: Service, letter: Document, data: bytes) -> Input:
    """The input that an edited letter is. Headers and key of the original may be what was wrong: they do not count."""
    if not letter["topic"]:
        return reread(service, {**letter, "edited": None, "value": data})
    source = Source(topic=letter["topic"], partition=letter["partition"], offset=letter["offset"], key=None)
    given = read_bytes(service, data, source)
    return given or _unreadable(letter, Undecodable(f"this is no type that {service.name} takes"))


def _source(letter: Document) -> Source:
    return Source(
        topic=letter["topic"],
        partition=letter["partition"],
        offset=letter["offset"],
        key=letter["message_key"],
        headers=[(name, value) for name, value in letter["headers"]],
    )


def _unreadable(letter: Document, error: Exception) -> Input:
    return Input(id=letter["event_id"], key=letter["key"], data=letter["value"], source=_source(letter), error=error)


def _named_type(given: Input) -> str:
    header = given.source.header("event-type") if given.source else None
    return (header or b"").decode(errors="replace")
