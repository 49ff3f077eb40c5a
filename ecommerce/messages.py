"""What a service takes in and gives out, and its form on the wire.

A message is an immutable fact or request without time or id of its own: those travel in the `Envelope` around it.
`decide` and `evolve` see only messages, so they stay pure.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import msgspec

from ecommerce import typed

# A number of pieces or minor units. Thousands of them still add up to what a database can hold: one that it cannot
# would fail the whole batch, not the one message.
Whole = Annotated[int, msgspec.Meta(ge=-(10**15), le=10**15)]


# How the payload of an older version becomes that of the next: version → (next version, payload → payload).
Upcasts = Mapping[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]]


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Anything that reaches a service or leaves it. `key` is the id of the aggregate that it belongs to."""

    # major.minor: a minor one is read by those who know another of its major, a major one by those who know it alone.
    version: ClassVar[str] = "1.0"
    upcasts: ClassVar[Upcasts] = {}
    key_field: ClassVar[str] = "order_id"

    @property
    def key(self) -> str:
        """The id of the aggregate that takes this message, also its Kafka key."""
        return getattr(self, self.key_field)  # type: ignore[no-any-return]


class Event(Message, frozen=True):
    """A public fact: it is published on its topic for other services. Named in the past tense."""

    topic: ClassVar[str]


class Intent(Message, frozen=True):
    """A private fact: the service resolved to ask the outside world something. Logged, never published."""


class Command(Message, frozen=True):
    """A request by a person. It may be refused: `decide` raises `Refused` and nothing is stored."""


class Answer(Message, frozen=True):
    """What the outside world said to an intent."""


class Deadline(Message, frozen=True):
    """A time that has come."""


class MessageDiscarded(Command, frozen=True, kw_only=True):
    """Staff gave up a dead letter. It takes the id of that message in the log, so that the message never comes back.

    It changes nothing of the aggregate `of` in `collection`. `by` (a user) and `reason` are for the record.
    """

    key_field: ClassVar[str] = "of"

    of: str
    collection: str
    letter: str
    by: str
    reason: str


class Refused(Exception):
    """A command that the state does not allow, or whose content is wrong.

    `code` is stable and for programs, `field` names the part of the request at fault ("items[0].sku") if one is.
    """

    def __init__(self, code: str, detail: str, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.field = field


class Undecodable(ValueError):
    """Bytes that are no message of a type and version that the reader takes."""


M_co = TypeVar("M_co", covariant=True)


class Envelope(msgspec.Struct, Generic[M_co], frozen=True, kw_only=True, rename="camel"):
    """A message with its identity: the form on topics and in logs (JSON, camelCase, UTC time)."""

    event_id: str
    event_type: str
    version: str
    timestamp: Annotated[datetime, msgspec.Meta(tz=True)]
    correlation_id: str
    causation_id: str | None
    payload: M_co


class _Peek(msgspec.Struct, rename="camel"):
    event_type: str


class _Raw(msgspec.Struct, rename="camel"):
    version: str
    payload: dict[str, Any]


# What an id and a database can hold, in whatever zone it is written.
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)

_encoder = msgspec.json.Encoder()
_peek = typed.decoder(_Peek)
_raw = typed.decoder(_Raw)
_decoders: dict[type[Message], msgspec.json.Decoder[Envelope[Any]]] = {}


def seal_in_envelope(
    message: Message, *, id: str, at: datetime, cause: str | None, correlation: str | None = None
) -> Envelope[Message]:
    """Gives `message` its identity. `correlation` is the message's key unless told otherwise."""
    return Envelope(
        event_id=id,
        event_type=type(message).__name__,
        version=message.version,
        timestamp=at,
        correlation_id=correlation or message.key,
        causation_id=cause,
        payload=message,
    )


def encode(envelope: Envelope[Any]) -> bytes:
    """The bytes that are logged and published; they never change afterwards."""
    return _encoder.encode(envelope)


def decode(data: bytes, kind: type[Message]) -> Envelope[Any]:
    """Reads an envelope around a `kind`. Raises `Undecodable`, saying what is wrong, for anything else."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = typed.decoder(Envelope[kind])  # type: ignore[valid-type]
    try:
        envelope = decoder.decode(_upcast(data, kind) if kind.upcasts else data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable(f"{kind.__name__}: {error}") from error
    if envelope.version != kind.version and not _is_of_same_major(envelope.version, kind.version):
        raise Undecodable(f"{kind.__name__}: version {envelope.version!r} is not known, {kind.version!r} is")
    if envelope.event_type != kind.__name__:
        raise Undecodable(f"{kind.__name__}: the envelope says {envelope.event_type!r}")
    if not _EARLIEST <= envelope.timestamp <= _LATEST:
        raise Undecodable(f"{kind.__name__}: its time is out of range")
    return envelope


def _is_of_same_major(version: str, known: str) -> bool:
    """Whether what is made for one reads the other: a minor version only adds, which `manage.py contracts` enforces."""
    major, _, minor = version.partition(".")
    return major == known.partition(".")[0] and minor.isascii() and minor.isdigit()


def _upcast(data: bytes, kind: type[Message]) -> bytes:
    """The same envelope around the payload that an older version's stands for today; other bytes as they are."""
    raw = _raw.decode(data)
    if raw.version not in kind.upcasts:
        return data
    version, payload = raw.version, raw.payload
    while version in kind.upcasts:
        version, upcast = kind.upcasts[version]
        payload = upcast(payload)
    return _encoder.encode({**msgspec.json.decode(data), "version": version, "payload": payload})


def event_type_of(data: bytes) -> str:
    """The type that an envelope names, for bytes that came without headers. Raises `Undecodable`."""
    try:
        return _peek.decode(data).event_type
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable(f"no event: {error}") from error


def concrete_kinds(base: type[Message]) -> Iterator[type[Message]]:
    """The leaves of the tree of message classes below `base`."""
    below = base.__subclasses__()
    if not below:
        yield base
    for kind in below:
        yield from concrete_kinds(kind)
