"""Kafka clients, configured for these promises: nothing acknowledged is lost, nothing overtakes within a partition."""

import time
from collections.abc import Callable
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, ClusterMetadata
from django.conf import settings

REFUSALS = (KafkaError._SSL, KafkaError._AUTHENTICATION)
_SAME_ERROR_SECONDS = 10.0

log = structlog.get_logger(__name__)


def _common(on_error: Callable[[KafkaError], None] | None = None) -> dict[str, Any]:
    return {
        "bootstrap.servers": settings.KAFKA_BROKERS,
        "client.id": settings.KAFKA_CLIENT_ID,
        **settings.KAFKA_OPTIONS,
        "error_cb": on_error or _log_error,
        "log_level": 2,  # errors come to `error_cb`; the library's own lines are no JSON
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1000,
    }


def producer() -> Producer:
    """A producer for the relay. Make it in the process that uses it: one made before a fork never delivers."""
    return Producer(
        _common()
        | {
            "acks": "all",
            "enable.idempotence": True,
            # A message that timed out would be followed by the next one: never give up on one, discard the producer.
            "message.timeout.ms": 0,
            "linger.ms": 0,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 20_000,
        }
    )


def consumer(group: str) -> Consumer:
    """A consumer of the group `group`. Its positions are kept in MongoDB; Kafka's offsets only show the lag."""
    return Consumer(
        _common()
        | {
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            # Where to go when there is nothing at a position is for the consumer to say, and to note.
            "auto.offset.reset": "error",
            # One member owns an order's partition of every topic; the cooperative assignors split them.
            "partition.assignment.strategy": "range",
            "session.timeout.ms": 10_000,
            # Also how long a group waits for a member that was killed in the middle of joining. A batch takes a second,
            # and MongoDB's absence at most the transaction's patience between two polls.
            "max.poll.interval.ms": 30_000,
            "fetch.wait.max.ms": 500,
            "fetch.error.backoff.ms": 100,
            "queued.max.messages.kbytes": 8192,
            "topic.metadata.refresh.interval.ms": 10_000,
        }
    )


def reader() -> Consumer:
    """A consumer for reading topics whole, outside of any group's balance: assign it, it tells where each ends."""
    return Consumer(
        _common()
        | {"group.id": "readers", "enable.auto.commit": False, "enable.partition.eof": True, "fetch.wait.max.ms": 10}
    )


class Admin(AdminClient):
    """An admin client, for topics and groups, which knows why nobody answers."""

    def __init__(self) -> None:
        self._refusal: KafkaError | None = None
        super().__init__(_common(self._note))

    def look(self, *, timeout: float) -> ClusterMetadata:
        """Brokers and topics. Raises `KafkaException`: after `timeout` seconds, or sooner, with one of `REFUSALS`."""
        self.poll(0)  # what is old
        self._refusal = None
        deadline = time.monotonic() + timeout
        while True:
            try:
                return self.list_topics(timeout=max(0.1, min(0.5, deadline - time.monotonic())))
            except KafkaException as error:
                self.poll(0)  # of itself, the error is always the same: that there was no answer
                if self._refusal is not None:
                    raise KafkaException(self._refusal) from error
                if time.monotonic() >= deadline:
                    raise

    def _note(self, error: KafkaError) -> None:
        if error.code() in REFUSALS:
            self._refusal = error
        _log_error(error)


def admin() -> Admin:
    """An admin client."""
    return Admin()


_logged: dict[int, float] = {}  # when, by the code of the error


def _log_error(error: KafkaError) -> None:
    """Logs each kind of error once in ten seconds: of a refused certificate the library tells thirty times a second."""
    now = time.monotonic()
    if now - _logged.get(error.code(), -_SAME_ERROR_SECONDS) >= _SAME_ERROR_SECONDS:
        _logged[error.code()] = now
        log.warning("kafka", error=error.str(), fatal=error.fatal())
