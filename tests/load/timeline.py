"""When each event of an order was made, committed and on its topic, from the topics and MongoDB's own log alone.

Nothing is added to what is measured: it is all read afterwards. Times are milliseconds since 1970.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from bson import Timestamp
from bson.codec_options import CodecOptions
from confluent_kafka import TopicPartition
from pymongo import MongoClient

from ecommerce import kafka
from ecommerce.environment import SERVICES

Times = dict[str, dict[str, float]]  # order id → event type → when


class _Made(msgspec.Struct):
    timestamp: datetime


@dataclass(frozen=True)
class OnTopics:
    """Of each order's events: when they were decided, and when they were handed to Kafka."""

    made: Times
    produced: Times


def ends(topics: Sequence[str]) -> dict[tuple[str, int], int]:
    """The offset behind the last message of each partition."""
    consumer = kafka.consumer("load")
    try:
        metadata = consumer.list_topics(timeout=10).topics
        places = [(topic, partition) for topic in topics for partition in metadata[topic].partitions]
        return {place: consumer.get_watermark_offsets(TopicPartition(*place), timeout=10)[1] for place in places}
    finally:
        consumer.close()


def on_topics(topics: Sequence[str], since: Mapping[tuple[str, int], int]) -> OnTopics:
    """All events from the offsets `since` on."""
    found = OnTopics(defaultdict(dict), defaultdict(dict))
    left = {place: end for place, end in ends(topics).items() if end > since[place]}
    consumer = kafka.consumer("load")
    try:
        consumer.assign([TopicPartition(*place, since[place]) for place in left])
        while left:
            message = consumer.poll(10)
            assert message is not None
            assert message.error() is None
            order_id, kind = (message.key() or b"").decode(), dict(message.headers() or [])["event-type"].decode()
            at = msgspec.json.decode(message.value() or b"", type=_Made).timestamp
            found.made[order_id].setdefault(kind, at.timestamp() * 1000)
            found.produced[order_id].setdefault(kind, message.timestamp()[1])
            place = (message.topic() or "", message.partition() or 0)
            if place in left and (message.offset() or 0) + 1 >= left[place]:
                del left[place]
    finally:
        consumer.close()
    return found


def committed(client: MongoClient[dict[str, object]], since: float) -> Times:
    """When each event's outbox document reached MongoDB's replication log (its journal follows), from epoch `since`."""
    oplog = client["local"].get_collection("oplog.rs", codec_options=CodecOptions(tz_aware=True, tzinfo=UTC))
    outboxes = [f"{service}.outbox" for service in SERVICES]
    wanted = {"ts": {"$gte": Timestamp(int(since), 0)}, "o.applyOps.ns": {"$in": outboxes}}
    times: Times = defaultdict(dict)
    for transaction in oplog.find(wanted, {"wall": 1, "o.applyOps.ns": 1, "o.applyOps.o.messages": 1}):
        at = transaction["wall"].timestamp() * 1000
        for order_id, kind in _messages(transaction["o"]["applyOps"], outboxes):
            times[order_id].setdefault(kind, at)
    return times


def _messages(operations: Sequence[dict[str, object]], outboxes: Sequence[str]) -> Iterator[tuple[str, str]]:
    for operation in operations:
        if operation["ns"] in outboxes:
            for message in operation["o"].get("messages", ()):  # a deletion has none
                yield message["key"], dict(message["headers"])["event-type"].decode()
