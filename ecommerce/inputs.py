"""What the engine is given and what it gives back."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ecommerce.messages import Envelope, Refused


class Position(NamedTuple):
    """A partition of a topic, as a consumer's positions name it."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where on Kafka a message was read, and what came with it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input of a service: a message from Kafka (then it has a `source`), a command, an answer or a deadline.

    `data` are its original bytes. A message that could not be read has an `error` instead of an `envelope`; its `key`
    is then Kafka's, or empty when that cannot be read either.
    """

    id: str
    key: str
    data: bytes
    envelope: Envelope[Any] | None = None
    source: Source | None = None
    error: Exception | None = None


@dataclass(slots=True)
class Outcome:
    """What became of one input: the service's own events, in order, or why there are none."""

    input: Input
    events: list[Envelope[Any]] = field(default_factory=list)
    duplicate: bool = False
    refused: Refused | None = None
    parked: bool = False
