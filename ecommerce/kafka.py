"""Kafka clients, configured for these promises: nothing acknowledged is lost, nothing overtakes within a partition."""

from collections.abc import Callable
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.admin import AdminClient
from django.conf import settings

log = structlog.get_logger(__name__)


def _common(on_error: Callable[[KafkaError], None] | None = None) -> dict[str, Any]:
    return {
        "bootstrap.servers": settings.KAFKA_BROKERS,
        "client.id": settings.KAFKA_CLIENT_ID,
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


def admin() -> AdminClient:
    """An admin client, for topics and groups."""
    return AdminClient(_common())


def _log_error(error: KafkaError) -> None:
    log.warning("kafka", error=error.str(), fatal=error.fatal())
