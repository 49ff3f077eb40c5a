"""Reading topics whole, outside of any group: for those who search them or compare them with the logs."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from ecommerce import kafka

PATIENCE = 15.0  # seconds of silence


def read_to_end(starts: Mapping[tuple[str, int], int]) -> Iterator[Message]:
    """The messages of each partition (topic, number) from an offset on, or OFFSET_BEGINNING, up to its present end.

    Raises `TimeoutError` when Kafka is silent, and `KafkaException`.
    """
    with closing(kafka.reader()) as consumer:
        consumer.assign([TopicPartition(*partition, offset) for partition, offset in starts.items()])
        left, heard = set(starts), time.monotonic()
        while left:
            messages = consumer.consume(1000, timeout=0.1)
            heard = time.monotonic() if messages else heard
            if time.monotonic() - heard > PATIENCE:
                raise TimeoutError(f"Kafka is silent about {', '.join(sorted({topic for topic, _ in left}))}")
            for message in messages:
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.discard((message.topic() or "", message.partition() or 0))
                else:
                    raise KafkaException(error)
