"""Topics of a test's own, and what lies on them."""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType
from django.conf import settings

from ecommerce import kafka
from ecommerce.registry import services
from ecommerce.topics import PARTITIONS, create_topics, topics_of
from tests.waiting import until


class Record(NamedTuple):
    key: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


@contextmanager
def topic(*, partitions: int = 1, config: Mapping[str, str] | None = None) -> Iterator[str]:
    """A new topic, which goes when it is no longer needed."""
    name, admin = f"test-{secrets.token_hex(4)}", kafka.admin()
    created = admin.create_topics([NewTopic(name, num_partitions=partitions, config=dict(config or {}))])
    created[name].result(20)
    try:
        yield name
    finally:
        with suppress(KafkaException):
            admin.delete_topics([name])[name].result(20)


def make_topics_anew() -> None:
    """Makes the services' topics empty: those that something was put on are deleted and created again."""
    admin, wanted = kafka.admin(), topics_of(services())

    def there() -> list[str]:
        return [name for name in wanted if name in admin.list_topics(timeout=10).topics]

    old = _used(there())
    if old:
        for future in admin.delete_topics(old).values():
            future.result()
    # A moment after the deletion was acknowledged. What is put on a topic earlier may go with the former one.
    until("the topics to be gone", lambda: not set(old) & set(there()))
    create_topics(admin, wanted)
    until("the topics to be there", lambda: len(there()) == len(wanted))
    # Brokers tell of a topic before they have made it: until then it is the former one that they have.
    until("every partition to be led, and empty", lambda: not _used(wanted))


def _used(topics: Iterable[str]) -> list[str]:
    """Those that something was put on, whether it is there still or not. Waits until each partition is led."""
    partitions = [TopicPartition(topic, each) for topic in topics for each in range(PARTITIONS)]
    used = set()
    with closing(kafka.reader()) as reader:

        def all_asked() -> bool:
            while partitions:
                if reader.get_watermark_offsets(partitions[-1], timeout=5) != (0, 0):
                    used.add(partitions[-1].topic)
                partitions.pop()
            return True

        until("every partition to be led", all_asked)
    return sorted(used)


def configure(name: str, key: str, value: str) -> None:
    """Changes one setting of a topic."""
    entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
    admin = kafka.admin()  # held: the answer dies with its client
    admin.incremental_alter_configs([resource])[resource].result(20)


def records_on(name: str) -> list[Record]:
    """All that lies on a topic now, partition by partition in order."""
    consumer = Consumer(
        {
            "bootstrap.servers": settings.KAFKA_BROKERS,
            "group.id": "tests",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 10,
        }
    )
    try:
        partitions = list(consumer.list_topics(name, timeout=20).topics[name].partitions)
        consumer.assign([TopicPartition(name, each, OFFSET_BEGINNING) for each in partitions])
        found = _records(consumer, partitions)
        return [record for each in partitions for record in found[each]]
    finally:
        consumer.close()


def _records(consumer: Consumer, partitions: Iterable[int]) -> dict[int, list[Record]]:
    """What is in these partitions up to their ends."""
    found: dict[int, list[Record]] = {each: [] for each in partitions}
    left = set(found)
    while left:
        for message in consumer.consume(500, timeout=0.1):
            error, partition = message.error(), message.partition()
            if error is None:
                headers = tuple((key, bytes(value)) for key, value in message.headers() or [])
                found[partition].append(Record((message.key() or b"").decode(), message.value() or b"", headers))
            elif error.code() == KafkaError._PARTITION_EOF:
                left.discard(partition)
            else:
                raise KafkaException(error)
    return found
