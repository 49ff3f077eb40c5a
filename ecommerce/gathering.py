"""Which messages a consumer takes together: in one transaction, which costs much by itself and little by message."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import cast

from confluent_kafka import Consumer, Message

from ecommerce.inputs import Headers, header

MOST_INPUTS = 1000
MOST_BYTES = 4_000_000
_POLL_SECONDS = 0.5
_PATIENCE = 0.1  # seconds that an event from which nothing follows waits for the next, to be taken with it
_AT_ONCE = 100


def gather(consumer: Consumer, urgent: Collection[str], linger: Callable[[], float]) -> list[Message]:
    """Waits for a message, and takes what else is there by then, or comes in the seconds that it is to `linger`.

    What is not of the `urgent` types can wait, until something urgent comes: it does so for a moment.
    """
    first = consumer.poll(_POLL_SECONDS)
    if first is None:
        return []
    lingering = linger()
    until, hurry = time.monotonic() + max(lingering, _PATIENCE), False
    messages, size, more = list[Message](), 0, [first]
    while more:
        messages += more
        size += sum(len(message) for message in more)
        if not hurry and any(is_urgent(message, urgent) for message in more):
            until, hurry = min(until, time.monotonic() + lingering), True
        if len(messages) >= MOST_INPUTS or size >= MOST_BYTES:
            break
        left = max(0.0, until - time.monotonic())
        more = _more(consumer, min(_AT_ONCE, MOST_INPUTS - len(messages)), left, at_once=not hurry)
    return messages


def _more(consumer: Consumer, most: int, seconds: float, *, at_once: bool) -> list[Message]:
    """What comes within so many seconds; or `at_once` when the first of it has come."""
    if not at_once or not seconds:
        return consumer.consume(most, timeout=seconds)
    first = consumer.poll(seconds)
    return [] if first is None else [first, *consumer.consume(most - 1, timeout=0)]


def is_urgent(message: Message, urgent: Collection[str]) -> bool:
    """Whether it says that it is of one of these types, or does not say what it is."""
    named = header(cast(Headers, message.headers() or ()), "event-type")
    return named is None or named.decode(errors="replace") in urgent


def batches(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """The messages in batches of at most `MOST_BYTES`: what comes at once may be more than a transaction holds.

    There is one batch even when there are none: what was skipped before still has to be saved.
    """
    batch: list[Message] = []
    size = 0
    for message in messages:
        if batch and size + len(message) > MOST_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += len(message)
    yield batch
