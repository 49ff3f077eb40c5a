"""Whether a consumer's group still knows it: the library has been seen to believe so for ever after an outage."""

import time
from concurrent.futures import Future
from contextlib import suppress

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.admin import AdminClient, ConsumerGroupDescription

from ecommerce import kafka

_LOOK_EVERY = 5.0  # seconds
_PATIENCE = 5.0  # seconds, for an answer
LONGEST_ABSENCE = 30.0  # seconds; a join may take as long as the group waits for another member


class Membership:
    """A look at the group every few seconds, which never waits for the answer."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._admin: AdminClient = kafka.admin()
        self._asked: Future[ConsumerGroupDescription] | None = None
        self._look_at = time.monotonic() + _LOOK_EVERY
        self._seen_at = time.monotonic()

    def lost(self, consumer: Consumer) -> bool:
        """Whether the group has not known `consumer` for so long that it will not come back by itself."""
        if self._asked is None and time.monotonic() >= self._look_at:
            self._asked = self._admin.describe_consumer_groups([self._group], request_timeout=_PATIENCE)[self._group]
        if self._asked is None or not self._asked.done():
            return False
        asked, self._asked = self._asked, None
        self._look_at = time.monotonic() + _LOOK_EVERY
        with suppress(KafkaException):
            if consumer.memberid() not in {member.member_id for member in asked.result().members}:
                return time.monotonic() - self._seen_at > LONGEST_ABSENCE
        self._seen_at = time.monotonic()  # also when Kafka is out of reach: that says nothing
        return False
