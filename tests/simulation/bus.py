"""Kafka in memory: topics of partitions, each in order, none in order with another; delivered at least once."""

import zlib
from collections.abc import Iterator

from ecommerce.messages import Event
from tests.simulation.node import Given, Node
from tests.simulation.schedules import Choice

PARTITIONS = 2

Partition = tuple[str, int]

# One relay or consumer in so many dies after its work is done and before it is noted.
_DEATHS = 8


class Bus:
    """The topics, and what moves messages into and out of them."""

    def __init__(self) -> None:
        self._topics: dict[Partition, list[Given]] = {}

    def lagging(self, node: Node) -> Iterator[Partition]:
        """The partitions with messages that a service has not taken."""
        for topic in node.service.topics:
            for number in range(PARTITIONS):
                messages = self._topics.get((topic, number))
                if messages and node.positions.get((topic, number), 0) < len(messages):
                    yield topic, number

    def relay(self, node: Node, choice: Choice) -> None:
        """Publishes the oldest commits of an outbox. A relay that dies has not deleted them: they come again."""
        commits = node.outbox[: 1 + choice.below(3)]
        for given in (given for commit in commits for given in commit):
            event = given.message
            assert isinstance(event, Event)
            self._topics.setdefault((event.topic, zlib.crc32(event.key.encode()) % PARTITIONS), []).append(given)
        if choice.below(_DEATHS) != _DEATHS - 1:
            del node.outbox[: len(commits)]

    def consume(self, node: Node, partition: Partition, choice: Choice) -> None:
        """Hands a service its next messages. A consumer that dies has not moved its position: they come again."""
        position = node.positions.get(partition, 0)
        batch = self._topics[partition][position : position + 1 + choice.below(4)]
        node.take([given for given in batch if type(given.message) in node.service.taker])
        if choice.below(_DEATHS) != _DEATHS - 1:
            node.positions[partition] = position + len(batch)

    def go_back(self, node: Node, choice: Choice) -> None:
        """A consumer finds itself where it was some messages ago."""
        if node.positions:
            partition = [*node.positions][choice.below(len(node.positions))]
            node.positions[partition] = max(0, node.positions[partition] - 1 - choice.below(6))
