"""Which topic a name stands for: Kafka gives every topic an id of its own, and one that is made again another one."""

import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

import structlog
from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, TopicDescription

from ecommerce import kafka

log = structlog.get_logger(__name__)

_LOOK_EVERY = 5.0  # seconds
_PATIENCE = 5.0  # seconds


class TopicIds:
    """The ids of `topics`, and whether they have changed since they were asked for."""

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = TopicCollection(list(topics))
        self._admin: AdminClient = kafka.admin()
        self._ids: Mapping[str, str] = {}
        self._asked: dict[str, Future[TopicDescription]] = {}
        self._look_at = math.inf  # there is nothing to compare with yet

    def of(self, topic: str) -> str:
        """The id that the topic had when `read` was last called; empty if there was no such topic."""
        return self._ids.get(topic, "")

    def read(self) -> None:
        """Asks Kafka. Raises `KafkaException` if that gives no answer."""
        self._ids = _answers(self._ask())
        self._asked, self._look_at = {}, time.monotonic() + _LOOK_EVERY

    def changed(self) -> bool:
        """Whether a topic is another one by now. Asks every few seconds, and never waits for the answer."""
        if not self._asked and time.monotonic() >= self._look_at:
            self._asked = self._ask()
        if not self._asked or not all(future.done() for future in self._asked.values()):
            return False
        asked, self._asked = self._asked, {}
        self._look_at = time.monotonic() + _LOOK_EVERY
        try:
            ids = _answers(asked)
        except KafkaException:
            return False  # out of reach: that says nothing
        renewed = [topic for topic, id in ids.items() if id != self.of(topic)]
        if renewed:
            log.warning("topics were made anew", topics=renewed)
        return bool(renewed)

    def _ask(self) -> dict[str, Future[TopicDescription]]:
        return self._admin.describe_topics(self._topics, request_timeout=_PATIENCE)


def _answers(asked: Mapping[str, "Future[TopicDescription]"]) -> dict[str, str]:
    """The ids of the topics that there are."""
    ids = {}
    for topic, future in asked.items():
        try:
            ids[topic] = str(future.result().topic_id)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
    return ids
