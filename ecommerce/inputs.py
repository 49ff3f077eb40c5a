"""What the engine is given and what it gives back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from ecommerce.messages import Envelope, Refused
from ecommerce.tracing import Step

Headers = Sequence[tuple[str, bytes | None]]


class Position(NamedTuple):
    """A partition of a topic, as a consumer's positions name it; a topic made anew has another `topic_id`."""

    topic: str
    partition: int
    topic_id: str = ""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where on Kafka a message was read, and what came with it; `headers` as the client gives them."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: Headers = ()

    def header(self, name: str) -> bytes | None:
        """The first header of this name, if there is one."""
        return header(self.headers, name)


def header(headers: Headers, name: str) -> bytes | None:
    """The first of these headers that has this name, if there is one."""
    return next((value or b"" for key, value in headers if key == name), None)


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """One input of a service: a message from Kafka (then it has a `source`), a command, an answer or a deadline.

    `data` are its original bytes. A message that could not be read has an `error` instead of an `envelope`; its `key`
    is then Kafka's, or empty when that cannot be read either. `within` is the request or task that made the input.
    """

    id: str
    key: str
    data: bytes
    envelope: Envelope[Any] | None = None
    source: Source | None = None
    error: Exception | None = None
    within: Step | None = None


@dataclass(slots=True)
class Outcome:
    """What became of one input: the service's own events, in order, or why there are none.

    `began` is when its aggregate took its first input.
    """

    input: Input
    events: list[Envelope[Any]] = field(default_factory=list)
    duplicate: bool = False
    refused: Refused | None = None
    parked: bool = False
    began: datetime | None = None
