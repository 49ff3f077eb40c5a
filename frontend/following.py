"""The events of all services about orders, as they come: by a consumer group that begins at the topics' ends."""

import time
from collections.abc import Sequence

import structlog
from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from ecommerce import kafka
from ecommerce.deafness import Deafness, Place
from ecommerce.topicids import TopicIds

GROUP = "live"
MOST = 1000  # messages at once
_LINGER = 0.02  # seconds: what comes together is looked at together
_PATIENCE = 5.0
_FEW = 100  # messages

log = structlog.get_logger(__name__)


class Lost(Exception):
    """It does not hear what there is, or has missed some: to begin again."""


class Follower:
    """A member of the group. Where it was not before, it begins at the end: only the newest matter."""

    def __init__(self, topics: Sequence[str]) -> None:
        self._next: dict[Place, int] = {}
        self._ids = TopicIds(topics)
        self._ids.read()
        self._deafness = Deafness(topics, lambda: self._next)
        self._consumer = kafka.consumer(GROUP)
        self._consumer.subscribe(list(topics), on_assign=self._begin)
        self.assigned = False

    def close(self) -> None:
        """Leaves the group."""
        self._consumer.close()

    def read(self, seconds: float, *, rest: float = 0.0) -> list[Message]:
        """Waits for a message and takes what else there is. Raises `Lost` or `KafkaException`.

        If these are few, it does not ask Kafka for more in the next `rest` seconds: each of them would be an answer.
        """
        first = self._consumer.poll(seconds)
        if self._ids.changed():
            raise Lost("topics were made anew")
        if first is not None:
            self._deafness.heard()
        if self.assigned and self._deafness.is_certain(self._consumer):
            raise Lost("nothing is heard of what there is to read")
        if first is None:
            return []
        messages = [first, *self._consumer.consume(MOST - 1, timeout=_LINGER)]
        if rest and len(messages) < _FEW:
            self._rest(rest)
        return [each for each in messages if self._counts(each)]

    def show(self) -> None:
        """Tells Kafka how far it is, for those who look at the lag."""
        if self._next:
            offsets = [TopicPartition(*place, offset) for place, offset in self._next.items()]
            self._consumer.commit(offsets=offsets, asynchronous=True)

    def _rest(self, seconds: float) -> None:
        assigned = self._consumer.assignment()
        self._consumer.pause(assigned)
        time.sleep(seconds)
        self._consumer.resume(assigned)

    def _begin(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        asked = [TopicPartition(each.topic, each.partition, OFFSET_END) for each in partitions]
        ends = {(each.topic, each.partition): each for each in consumer.offsets_for_times(asked, _PATIENCE)}
        for partition in partitions:
            place = (partition.topic, partition.partition)
            if ends[place].error is not None:
                raise KafkaException(ends[place].error)
            partition.offset = self._next.setdefault(place, ends[place].offset)
        consumer.assign(partitions)
        self.assigned = True
        log.info("following", partitions=len(partitions))

    def _counts(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            self._next[message.topic() or "", message.partition() or 0] = (message.offset() or 0) + 1
            return True
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise Lost("nothing is where it was read up to")
        log.warning("kafka", error=error.str())
        return False
