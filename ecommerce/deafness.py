"""Whether a consumer is deaf: it hears nothing, though there is something to read that nobody reads.

After an outage of Kafka the library has been seen to be in no group any more and not to notice, for as long as it ran.
Nothing else tells: to ask who is in the group aborts the process if the broker goes away meanwhile (librdkafka 2.16,
its issue 4605).
"""

import time
from collections.abc import Callable, Iterable, Mapping

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from ecommerce.topics import PARTITIONS

LONGEST_SILENCE = 30.0  # seconds; a group may wait so long for another member before it assigns anything
_LOOK_EVERY = 5.0  # seconds
_PATIENCE = 2.0  # seconds

Place = tuple[str, int]  # topic, partition


class Deafness:
    """Costs a look at the clock, and while it is quiet a look at the topics' ends every few seconds."""

    def __init__(self, topics: Iterable[str], read_up_to: Callable[[], Mapping[Place, int]]) -> None:
        """`read_up_to` gives the next offset that the service is to read, by place; of no place without one."""
        self._places = [(topic, partition) for topic in topics for partition in range(PARTITIONS)]
        self._read_up_to = read_up_to
        self._look_at = 0.0
        self._behind: set[tuple[Place, int]] = set()
        self.heard()

    def heard(self) -> None:
        """It is not: there was a message."""
        self._look_at = time.monotonic() + LONGEST_SILENCE
        self._behind = set()

    def is_certain(self, consumer: Consumer) -> bool:
        """Whether nobody has read on between two looks, though there was something to read at the first."""
        if time.monotonic() < self._look_at:
            return False
        self._look_at = time.monotonic() + _LOOK_EVERY
        try:
            ends = consumer.offsets_for_times([TopicPartition(*each, OFFSET_END) for each in self._places], _PATIENCE)
        except KafkaException:
            return False  # out of reach: that says nothing
        read = self._read_up_to()
        before, self._behind = self._behind, set()
        for end in ends:
            place = (end.topic, end.partition)
            if end.error is None and end.offset > read.get(place, 0):
                self._behind.add((place, read.get(place, 0)))
        return bool(before & self._behind)
