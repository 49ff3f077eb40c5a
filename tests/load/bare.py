"""What the floor's programs share: reading, durable transactions, publishing; bare drivers and nothing else.

A program takes what is there, up to 500 messages, and in one `w: majority` transaction inserts a dedup row for each,
writes the states in bulk and inserts the events; then it produces them (idempotent, acks=all), waits for the
acknowledgements, marks them published in one update and commits its offsets.
"""

import signal
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError
from pymongo.write_concern import WriteConcern

Document = dict[str, Any]

BATCH = 500
MAJORITY = WriteConcern("majority")
PRODUCER = {"acks": "all", "enable.idempotence": True, "compression.type": "lz4"}
CONSUMER = {
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "partition.assignment.strategy": "range",
    "fetch.wait.max.ms": 500,
}
TOPIC_OF = {
    "OrderCreated": "orders",
    "OrderConfirmed": "orders",
    "OrderCompleted": "orders",
    "InventoryReserved": "inventory",
    "InventoryCommitted": "inventory",
    "PaymentAuthorized": "payments",
    "PaymentCaptured": "payments",
    "ShipmentCreated": "shipping",
    "OrderShipped": "shipping",
}
TAKES = {
    "orders": ("PaymentAuthorized", "PaymentCaptured", "InventoryCommitted"),
    "inventory": ("OrderCreated", "OrderShipped"),
    "payments": ("InventoryReserved", "OrderShipped"),
    "shipping": ("PaymentAuthorized",),
}


class Event(msgspec.Struct, rename="camel"):
    """What travels. Every event carries what the next step needs, so nobody waits for two."""

    event_id: str
    event_type: str
    timestamp: datetime
    order_id: str
    sku: str
    quantity: int
    amount: int


_decode = msgspec.json.Decoder(Event).decode
_encode = msgspec.json.Encoder().encode


def order_created(order_id: str, number: int) -> Event:
    """The event of the `number`-th order."""
    return _event("OrderCreated", order_id, f"SKU-{number % 20 + 1:03}", 1, 1999)


def after(event: Event, event_type: str) -> Event:
    """The next event of the same saga."""
    return _event(event_type, event.order_id, event.sku, event.quantity, event.amount)


def _event(event_type: str, order_id: str, sku: str, quantity: int, amount: int) -> Event:
    return Event(f"{order_id}:{event_type}", event_type, datetime.now(UTC), order_id, sku, quantity, amount)


def topics(name: str) -> list[str]:
    """The topics of the floor called `name`."""
    return [_topic(name, service) for service in TAKES]


def _topic(name: str, service: str) -> str:
    return f"{name}.{service}.events"


class Program:
    """What the four have in common: reading, transactions, publishing."""

    def __init__(self, role: str, uri: str, brokers: str, name: str) -> None:
        self.name, self.role = name, role
        self.client: MongoClient[Document] = MongoClient(uri, w="majority")
        self.database = self.client[f"{name}_{role}"]
        self.events = self.database["events"]
        self.producer = Producer({"bootstrap.servers": brokers} | PRODUCER)
        self._consumer = Consumer({"bootstrap.servers": brokers, "group.id": f"{name}.{role}"} | CONSUMER)
        self._stopping = self._publish_fed = False

    def run(self) -> None:
        """Takes messages until SIGTERM. SIGUSR1 lets it publish what was fed without publishing."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGUSR1, self._let_go)
        wanted = {_topic(self.name, TOPIC_OF[kind]) for kind in TAKES[self.role]}
        self._consumer.subscribe(sorted(wanted), on_assign=lambda *_: print("assigned", flush=True))
        while not self._stopping:
            if self._publish_fed:
                self._publish_fed = False
                self._publish_all_fed()
            messages = self._next()
            if messages:
                self._take(messages)
                self._consumer.commit(asynchronous=True)
        self._consumer.close()

    def close(self) -> None:
        """For one that never ran."""
        self._consumer.close()
        self.client.close()

    def in_transaction(self, body: Callable[[ClientSession], None]) -> None:
        """One durable transaction."""
        with self.client.start_session() as session:
            session.with_transaction(body, write_concern=MAJORITY)

    def insert_events(self, session: ClientSession, events: Iterable[Event]) -> None:
        """Inserts events with the bytes that will be produced."""
        self.events.insert_many([as_document(event) for event in events], session=session, ordered=False)

    def publish(self, documents: Sequence[Document]) -> None:
        """Produces, waits until the broker has all of it, and marks it as published."""
        acknowledged = 0

        def delivered(error: KafkaError | None, _: Message) -> None:
            nonlocal acknowledged
            if error is not None:
                raise KafkaException(error)
            acknowledged += 1

        for document in documents:
            self.producer.produce(
                _topic(self.name, TOPIC_OF[document["type"]]),
                key=document["key"],
                value=document["data"],
                headers=[("event-type", document["type"].encode())],
                on_delivery=delivered,
            )
        self.producer.flush()
        assert acknowledged == len(documents), f"{len(documents) - acknowledged} messages were not delivered"
        ids = [document["_id"] for document in documents]
        self.events.update_many({"_id": {"$in": ids}}, {"$set": {"published": True}})

    def decide(self, session: ClientSession, events: Sequence[Event]) -> list[Event]:
        """Writes the states and gives the events that follow, in the transaction of the dedup rows."""
        raise NotImplementedError

    def answer(self, session: ClientSession, events: Sequence[Event]) -> list[Event]:
        """The same for the outside world's answers, in a transaction of their own. Most have none."""
        return []

    def _take(self, messages: Sequence[Message]) -> None:
        events = [_decode(message.value() or b"") for message in messages]
        try:
            made = self._commit(events, self.decide, deduplicate=True)
        except BulkWriteError:  # a redelivery: those that were taken before are dropped
            ids = [event.event_id for event in events]
            known = {each["_id"] for each in self.database["seen"].find({"_id": {"$in": ids}}, {"_id": 1})}
            events = [event for event in events if event.event_id not in known]
            made = self._commit(events, self.decide, deduplicate=True) if events else []
        if type(self).answer is not Program.answer:
            made += self._commit(events, self.answer, deduplicate=False)
        if made:
            self.publish([as_document(event) for event in made])

    def _commit(self, events: Sequence[Event], step: Callable[..., list[Event]], *, deduplicate: bool) -> list[Event]:
        made: list[Event] = []

        def body(session: ClientSession) -> None:
            made.clear()
            if deduplicate:
                rows = [{"_id": event.event_id} for event in events]
                self.database["seen"].insert_many(rows, session=session, ordered=False)
            made.extend(step(session, events))
            if made:
                self.insert_events(session, made)

        self.in_transaction(body)
        return made

    def _next(self) -> list[Message]:
        """Waits for a message, and takes what else is there by then; passes over what the role does not take."""
        first = self._consumer.poll(0.05)
        if first is None:
            return []
        messages = [first, *self._consumer.consume(BATCH - 1, timeout=0)]
        return [each for each in messages if each.error() is None and _kind(each) in TAKES[self.role]]

    def _publish_all_fed(self) -> None:
        waiting = list(self.events.find({"published": False}))
        for start in range(0, len(waiting), BATCH):
            self.publish(waiting[start : start + BATCH])

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def _let_go(self, *_: object) -> None:
        self._publish_fed = True


def as_document(event: Event) -> Document:
    """An event as it is stored until it is published, and after."""
    return {
        "_id": event.event_id,
        "type": event.event_type,
        "key": event.order_id,
        "data": _encode(event),
        "published": False,
    }


def _kind(message: Message) -> str:
    return (message.headers() or [("", b"")])[0][1].decode()
