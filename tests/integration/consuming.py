"""Messages put on Kafka by hand and consumers that run in threads: what the tests of the consumer share."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Message, Producer
from django.conf import settings
from pymongo import UpdateOne

from ecommerce import identity, kafka, sources, storage
from ecommerce.consumer import ServiceConsumer
from ecommerce.deadletters import letters as deadletters
from ecommerce.engine import Engine
from ecommerce.inputs import Position
from ecommerce.messages import Event, encode, seal_in_envelope
from ecommerce.positions import position_id
from ecommerce.sources import Ends
from ecommerce.topicids import TopicIds
from orders.events import TOPIC, Item, OrderCreated, Sealed
from tests.waiting import until

AT = identity.now()
SEALED = Sealed(key_id="k", address="a", payment_token="t")


def created(order_id: str) -> OrderCreated:
    items = (Item(sku="S", quantity=1, unit_price=100),)
    return OrderCreated(
        order_id=order_id, customer_id="c", items=items, total_amount=100, currency="USD", sealed=SEALED
    )


class Topic:
    """Orders' topic, of which earlier tests have left something: `put` writes behind that, to one partition."""

    def __init__(self, name: str = TOPIC, partition: int = 0) -> None:
        self.name = name
        self.partition = partition
        # Larger messages than the relay's own, up to what the broker takes.
        # Of the servers' end it would print a line after the tests' last.
        quiet = {"log_level": 2}
        self._producer = Producer({"bootstrap.servers": settings.KAFKA_BROKERS, "message.max.bytes": 2_000_000} | quiet)

    def put(self, *messages: Event | tuple[str, bytes], type: str | None = None) -> list[int]:
        """Writes events, or bytes with a key, and gives their offsets."""
        offsets: list[int] = []

        def written(error: Any, message: Message) -> None:
            assert error is None, error
            offsets.append(message.offset() or 0)

        for each in messages:
            key, data = each if isinstance(each, tuple) else (each.key, encode(envelope_of(each)))
            headers = [("event-type", type.encode())] if type else []
            self._producer.produce(
                self.name, key=key, value=data, headers=headers, partition=self.partition, on_delivery=written
            )
        assert self._producer.flush(30) == 0
        return offsets

    def skip_to_end(self, engine: Engine) -> None:
        """Lets the service begin here, behind what earlier tests have left on all its topics."""
        ends: Ends = {}

        def done() -> bool:
            nonlocal ends
            ends = sources.ends()
            return True

        until("every partition to have its leader", done)
        _set(engine, {position: end for position, (_, end) in ends.items() if position.topic in engine.service.topics})


def envelope_of(event: Event) -> Any:
    return seal_in_envelope(event, id=f"{type(event).__name__}-{event.key}", at=AT, cause=None)


def set_position(engine: Engine, topic: str, partition: int, offset: int) -> None:
    """As a restored backup has it: the next offset to read."""
    _set(engine, {_position(topic, partition): offset})


def position(engine: Engine, topic: str = TOPIC, partition: int = 0) -> int:
    found = engine.database[storage.POSITIONS].find_one({"_id": position_id(_position(topic, partition))})
    return int(found["offset"]) if found else -1


def _set(engine: Engine, offsets: Mapping[Position, int]) -> None:
    moved = [
        UpdateOne({"_id": position_id(position)}, {"$set": {"offset": offset}}, upsert=True)
        for position, offset in offsets.items()
    ]
    engine.database[storage.POSITIONS].bulk_write(moved, ordered=False)


def _position(topic: str, partition: int) -> Position:
    return Position(topic, partition, _ids_of([topic]).of(topic))


def _ids_of(topics: Sequence[str]) -> TopicIds:
    ids = TopicIds(topics)
    ids.read()
    return ids


def taken(engine: Engine) -> list[str]:
    """The orders whose creation is in the log, once for each entry, in the order of their names."""
    return sorted(
        storage.key_of(each) for each in engine.database[storage.EVENTS].find({"type": "OrderCreated", "own": False})
    )


def letters(engine: Engine) -> list[tuple[str, str]]:
    """Dead letters as (key, status), in order."""
    found = engine.database[deadletters.COLLECTION].find(sort=[("key", 1), ("place", 1)])
    return [(each["key"], each["status"]) for each in found]


@contextmanager
def consuming(engine: Engine) -> Iterator[tuple[ServiceConsumer, Future[None]]]:
    """A consumer that runs in a thread, and what becomes of it."""
    consumer = ServiceConsumer(engine)
    with ThreadPoolExecutor(1) as executor:
        try:
            yield consumer, executor.submit(consumer.run)
        finally:
            consumer.stop()


def members(group: str) -> int:
    """How many consumers belong to a group now."""
    admin = kafka.admin()
    return len(admin.describe_consumer_groups([group])[group].result(20).members)
