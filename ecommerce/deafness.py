"""Whether a consumer is deaf: it hears nothing, though there is something to read that nobody reads.

After an outage of Kafka the library has been seen to be in no group any more and not to notice, for as long as it ran.
Nothing else tells: to ask who is in the group aborts the process if the broker goes away meanwhile (librdkafka 2.16,
its issue 4605). It may also be deaf of one partition while it hears of the others: what the library is told of a
partition, to begin or to go on, gets lost when something else is told at the same time (its issues 2190 and 5591).
"""

import time
from collections.abc import Callable, Iterable, Mapping

import structlog
from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from ecommerce.topics import PARTITIONS

LONGEST_SILENCE = 30.0  # seconds; a group may wait so long for another member before it assigns anything
_LOOK_EVERY = 5.0  # seconds
# A partition of which nothing was read between so many looks in a row is not just waiting for its turn behind others.
# Looks, not time: an outage has none.
_LOOK_AROUND_EVERY = 30.0  # seconds
MOST_LOOKS = 10
_PATIENCE = 2.0  # seconds

Place = tuple[str, int]  # topic, partition

log = structlog.get_logger(__name__)


class Deafness:
    """Costs a look at the clock, and one at the topics' ends twice a minute, or every few seconds while it is quiet."""

    def __init__(self, topics: Iterable[str], read_up_to: Callable[[], Mapping[Place, int]]) -> None:
        """`read_up_to` gives the next offset that the service is to read, by place; of no place without one."""
        self._places = [(topic, partition) for topic in topics for partition in range(PARTITIONS)]
        self._read_up_to = read_up_to
        self._look_at = 0.0
        self._behind: set[tuple[Place, int]] = set()
        self._look_around_at = time.monotonic() + _LOOK_AROUND_EVERY
        self._stood_still: dict[tuple[Place, int], int] = {}  # at so many looks in a row
        self.heard()

    def heard(self) -> None:
        """It is not: there was a message."""
        self._look_at = time.monotonic() + LONGEST_SILENCE
        self._behind = set()

    def is_certain(self, consumer: Consumer) -> bool:
        """Whether it is, to be asked again and again.

        Either nothing was heard, and nobody has read on between two looks, though there was something to read at the
        first; or nothing was read of one of its own partitions for some five minutes.
        """
        now = time.monotonic()
        if now >= self._look_around_at:
            self._look_around_at = now + _LOOK_AROUND_EVERY
            if self._stands_still(consumer):
                return True
        if now < self._look_at:
            return False
        self._look_at = now + _LOOK_EVERY
        found = self._find_behind(consumer, self._places)
        if found is None:
            return False
        before, self._behind = self._behind, found
        return bool(before & found)

    def _stands_still(self, consumer: Consumer) -> bool:
        own = [(each.topic, each.partition) for each in consumer.assignment()]
        found = (self._find_behind(consumer, own) if own else None) or set()
        self._stood_still = {each: self._stood_still.get(each, 0) + 1 for each in found}
        still = [place for (place, _), looks in self._stood_still.items() if looks > MOST_LOOKS]
        for topic, partition in still:
            log.warning("nothing is read of a partition", topic=topic, partition=partition)
        return bool(still)

    def _find_behind(self, consumer: Consumer, places: Iterable[Place]) -> set[tuple[Place, int]] | None:
        """Places with something to read, and up to where they were read; None if Kafka does not tell."""
        try:
            ends = consumer.offsets_for_times([TopicPartition(*each, OFFSET_END) for each in places], _PATIENCE)
        except KafkaException:
            return None  # out of reach: that says nothing
        read = self._read_up_to()
        where = [((end.topic, end.partition), end.offset) for end in ends if end.error is None]
        return {(place, read.get(place, 0)) for place, end in where if end > read.get(place, 0)}
