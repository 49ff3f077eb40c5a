"""Where public events are: in an outbox, on their topic, or nowhere."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from ecommerce import identity, kafka, outbox, typed
from ecommerce.audit.names import Name
from ecommerce.audit.story import UNKNOWN, Entry, Place, Violation, Way, digest_of
from ecommerce.engine import Engine
from ecommerce.progress import Watch, unwatched
from ecommerce.wholetopics import read_to_end

_SKEW = timedelta(seconds=60)  # by which a relay's clock may be behind


class _About(msgspec.Struct, rename="camel"):
    order_id: str = ""


class _Peek(msgspec.Struct, rename="camel"):
    event_id: str
    payload: _About
    timestamp: Any = None


_peek = typed.decoder(_Peek)
_NOTHING = _Peek("", _About())


class Places:
    """The outboxes and topics as they were when they were last looked at.

    Whoever has read a log before `look` may rely on it: an event is in the outbox from its commit until it is on its
    topic, and the outboxes are read first. `said` tells how much was read.
    """

    def __init__(self, engines: Mapping[str, Engine], *, watch: Watch = unwatched) -> None:
        self._engines = engines
        self._watch = watch
        kinds = [kind for engine in engines.values() for kind in engine.service.publishes]
        self._topics = sorted({kind.topic for kind in kinds if kind.key_field == "order_id"})
        self._waiting: dict[str, datetime] = {}  # event id → since when it is in an outbox
        self._oldest: dict[str, datetime] = {}  # service → since when its outbox has had something
        self._on_topic: dict[str, Place] = {}
        self._next: dict[tuple[str, int], int] = {}
        self._read = 0
        self._visible_since: dict[str, datetime] = {}  # topic → what is older may have been deleted
        self._looked_at = identity.now()

    @property
    def said(self) -> str:
        return f"{self._read} messages"

    def look(self, since: datetime | None = None) -> None:
        """Reads the outboxes, and what is new on the topics: at first all of them, or what came `since` then.

        Raises `KafkaException`, `TimeoutError`.
        """
        self._looked_at = identity.now()
        self._read_outboxes()
        if not self._next:
            self._find_beginnings(since)
        for message in self._watch(read_to_end(self._next), "messages"):
            partition = (message.topic() or "", message.partition() or 0)
            offset, data = message.offset() or 0, message.value() or b""
            self._next[partition] = offset + 1
            self._read += 1
            event = _event_in(data, key=message.key())
            if event.event_id and event.event_id not in self._on_topic:  # what comes again changes nothing
                place = Place(Way.TOPIC, partition[1], offset, digest=digest_of(data), at=_time_in(event.timestamp))
                self._on_topic[event.event_id] = place

    def of(self, topic: str, entry: Entry) -> Place:
        """Where the public event `entry` is. Of one that is younger than the look, or too old for it, nobody knows."""
        if entry.event_id in self._on_topic:
            return self._on_topic[entry.event_id]
        if entry.event_id in self._waiting:
            return Place(Way.OUTBOX, since=self._waiting[entry.event_id])
        if entry.at >= self._looked_at or entry.at < self._visible_since.get(topic, entry.at):
            return UNKNOWN
        return Place(Way.NOWHERE)

    def violations(self, patience: timedelta) -> Iterator[Violation]:
        """Outboxes of which something has waited longer than `patience`."""
        for service, since in self._oldest.items():
            if self._looked_at - since > patience:
                yield Violation(
                    name=Name.OUTBOX,
                    subject=service,
                    detail=f"something lies in it since {since:%Y-%m-%d %H:%M:%S} UTC",
                    command=f"manage.py relay {service}",
                )

    def _read_outboxes(self) -> None:
        self._waiting, self._oldest = {}, {}
        for name, engine in self._engines.items():
            for document in engine.database[outbox.COLLECTION].find(sort=[("_id", 1)]):
                since = outbox.written_at(document)
                self._oldest.setdefault(name, since)
                for message in document["messages"]:
                    self._waiting[event_id_of(message["value"])] = since

    def _find_beginnings(self, since: datetime | None) -> None:
        """Where to start, and from when on each topic is whole: older messages go after the topic's retention."""
        with closing(kafka.reader()) as consumer:
            there = consumer.list_topics(timeout=10).topics
            partitions = [
                TopicPartition(topic, partition)
                for topic in self._topics
                for partition in (there[topic].partitions if topic in there else ())
            ]
            for each in partitions:
                first, end = consumer.get_watermark_offsets(each, timeout=10)
                self._next[each.topic, each.partition] = first
                if first > 0:
                    oldest = self._looked_at if first == end else _time_at(each.topic, each.partition)
                    self._see_since(each.topic, oldest)
            if since:
                self._skip_to(since, partitions, consumer)

    def _skip_to(self, since: datetime, partitions: list[TopicPartition], consumer: Consumer) -> None:
        start = identity.milliseconds(since - _SKEW)
        times = [TopicPartition(each.topic, each.partition, start) for each in partitions]
        for each in consumer.offsets_for_times(times, timeout=10):
            if each.error:
                raise KafkaException(each.error)
            place = each.topic, each.partition
            # OFFSET_END where nothing came since.
            first = each.offset if each.offset >= 0 else consumer.get_watermark_offsets(each, timeout=10)[1]
            self._next[place] = max(first, self._next[place])
            self._see_since(each.topic, since)

    def _see_since(self, topic: str, time: datetime) -> None:
        self._visible_since[topic] = max(time, self._visible_since.get(topic, time))


def _time_at(topic: str, partition: int) -> datetime:
    """When the first message that a partition still has was produced."""
    first = next(read_to_end({(topic, partition): OFFSET_BEGINNING}))
    return datetime.fromtimestamp(first.timestamp()[1] / 1000, UTC)


def _time_in(timestamp: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(timestamp)
    except (TypeError, ValueError):
        return None


def event_id_of(data: bytes, *, key: str | bytes | None = None) -> str:
    """The id of the event in `data`; empty where there is none, or one about another order than its `key`."""
    return _event_in(data, key=key).event_id


def _event_in(data: bytes, *, key: str | bytes | None) -> _Peek:
    try:
        peek = _peek.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _NOTHING
    is_under_its_key = key is None or key in (peek.payload.order_id, peek.payload.order_id.encode())
    return peek if is_under_its_key else _NOTHING
