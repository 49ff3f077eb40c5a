"""Dead letters as people and programs read them."""

import base64
from typing import Annotated, Any

import msgspec

from ecommerce import typed
from ecommerce.deadletters.letters import STATUSES
from ecommerce.deadletters.replays import Replay
from ecommerce.deadletters.selection import Chain
from ecommerce.http.shapes import ServiceName, Shape, Time, one_of
from ecommerce.storage import Document

_NOT_SHOWN = frozenset({"sealed", "fingerprint"})


def readable(data: bytes) -> str:
    """A message as people read it, without what is sealed; bytes that are none, as they are."""
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return data.decode(errors="backslashreplace")
    payload = document.get("payload") if isinstance(document, dict) else None
    if isinstance(document, dict) and isinstance(payload, dict):
        document["payload"] = _hidden(payload)
    return msgspec.json.format(msgspec.json.encode(document)).decode()


def exported(service: str, letter: Document) -> bytes:
    """A letter whole, as a line of JSON: bytes in base64, and sealed as they are."""
    document = {"service": service, "id": letter["_id"]} | {k: v for k, v in letter.items() if k != "_id"}
    return msgspec.json.encode(document, enc_hook=_plain)


class Deed(Shape, omit_defaults=True):
    """What somebody did about a letter; `superseded` is a digest of what an edit took the place of."""

    at: Time
    did: str
    by: str
    reason: str = ""
    error: str = ""
    superseded: str = ""


class DeadLetter(Shape):
    """A message that a service could not take, or that waits behind one of those. `place` is its rank in its order."""

    id: str
    service: ServiceName
    status: Annotated[str, one_of(STATUSES)]
    type: str
    key: str
    place: int
    error: str
    attempts: int
    topic: str
    partition: int
    offset: int
    parked_at: Time
    closed_at: Time | None
    edited: bool
    history: list[Deed]
    content: str


def represent(service: str, letter: Document) -> DeadLetter:
    """A letter as the API gives it."""
    return DeadLetter(
        id=qualified(service, letter["_id"]),
        service=service,
        status=letter["status"],
        type=letter["event_type"],
        key=letter["key"],
        place=letter["place"],
        error=letter["error"],
        attempts=letter["attempts"],
        topic=letter["topic"],
        partition=letter["partition"],
        offset=letter["offset"],
        parked_at=letter["parked_at"],
        closed_at=letter["closed_at"],
        edited=letter["edited"] is not None,
        history=typed.convert(letter["history"], list[Deed]),
        content=readable(letter["edited"] if letter["edited"] is not None else letter["value"]),
    )


class WholeDeadLetter(DeadLetter):
    """The same with what it holds: `bytes` as they came, escaped where they are no text; `payload` if it has one."""

    payload: dict[str, Any] | None
    bytes: str


def represent_whole(service: str, letter: Document) -> WholeDeadLetter:
    """A letter as the API gives it alone. Sealed data in `payload` is not shown."""
    try:
        document = msgspec.json.decode(readable(letter["value"]))
    except msgspec.DecodeError:
        document = None
    payload = document.get("payload") if isinstance(document, dict) else None
    return WholeDeadLetter(
        **msgspec.structs.asdict(represent(service, letter)),
        payload=payload if isinstance(payload, dict) else None,
        bytes=letter["value"].decode(errors="backslashreplace"),
    )


class MadeEvent(Shape):
    """An event that would be made."""

    event_type: str
    payload: dict[str, Any]


class DryRun(Shape):
    """What a replay would lead to: events, and the fields that would change, as they are and as they would be.

    `error` tells why it would stop.
    """

    error: str | None
    events: list[MadeEvent]
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def tried(chain: Chain, replay: Replay) -> DryRun:
    """A replay that was only tried, as the API gives it. Sealed data is not shown."""
    changes = [(was, becomes) for of, key, was, becomes in replay.changes if (of, key) == (chain.collection, chain.key)]
    before, after = changes[0] if changes else (None, None)
    return DryRun(
        error=replay.error or None,
        events=[
            MadeEvent(event_type=each.event_type, payload=_hidden(msgspec.to_builtins(each.payload)))
            for each in replay.events
        ],
        before=None if before is None else _hidden(before),
        after=None if after is None else _hidden(after),
    )


def _hidden(values: dict[str, Any]) -> dict[str, Any]:
    return values | {name: "(not shown)" for name in _NOT_SHOWN & set(values) if values[name] is not None}


def qualified(service: str, id: str) -> str:
    """A letter's id among those of all services: two may have set the same message aside."""
    return f"{service}:{id}"


def parted(id: str) -> tuple[str, str]:
    """The service and the letter's id of a qualified one."""
    service, _, rest = id.partition(":")
    return service, rest


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise NotImplementedError(type(value))
