"""What the floor's programs share: reading, durable transactions, publishing; bare drivers and nothing else.

A program takes what is there, up to 500 messages, and in one `w: majority` transaction inserts a dedup row for each,
writes the states in bulk and inserts the events; then it produces them (idempotent, acks=all), waits for the
acknowledgements, marks them published in one update and commits its offsets.
"""

import secrets
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

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


class Item(msgspec.Struct, rename="camel"):
    sku: str
    quantity: int
    unit_price: int


class Sealed(msgspec.Struct, rename="camel", omit_defaults=True):
    """Of what is secret, what is still needed: as many bytes as the pipeline's ciphertexts have."""

    key_id: str
    address: str = ""
    payment_token: str = ""


class Payload(msgspec.Struct, rename="camel", omit_defaults=True):
    order_id: str
    customer_id: str = ""
    items: list[Item] = []
    total_amount: int = 0
    currency: str = ""
    sealed: Sealed | None = None


class Event(msgspec.Struct, rename="camel", eq=False):
    """What travels: the pipeline's envelope. Each carries what the next step needs, so nobody waits for two."""

    event_id: str
    event_type: str
    version: str
    timestamp: datetime
    correlation_id: str
    causation_id: str | None
    payload: Payload

    @property
    def order_id(self) -> str:
        return self.payload.order_id


decode = msgspec.json.Decoder(Event).decode
encode = msgspec.json.Encoder().encode


def order_created(number: int) -> Event:
    """The event of the `number`-th order."""
    # In time order, as whoever wrote this by hand for speed would have it.
    order_id = str(UUID(f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"))
    sealed = Sealed(
        key_id=str(UUID(int=number % 100)), address=secrets.token_hex(92), payment_token=secrets.token_hex(24)
    )
    payload = Payload(
        order_id=order_id,
        customer_id=str(UUID(int=number % 100)),
        items=[Item(sku=f"SKU-{number % 20 + 1:03}", quantity=1, unit_price=1999)],
        total_amount=1999,
        currency="USD",
        sealed=sealed,
    )
    return _event("OrderCreated", payload, None)


def after(event: Event, event_type: str) -> Event:
    """The next event of the same saga."""
    known = event.payload
    payload = Payload(order_id=known.order_id)
    if event_type in ("InventoryReserved", "PaymentAuthorized"):
        payload = Payload(known.order_id, "", known.items, known.total_amount, known.currency, known.sealed)
    elif event_type == "OrderShipped":
        payload.items = known.items
    if payload.sealed and event_type != "InventoryReserved":  # the card is charged
        payload.sealed = Sealed(payload.sealed.key_id, payload.sealed.address)
    return _event(event_type, payload, event.event_id)


def _event(event_type: str, payload: Payload, cause: str | None) -> Event:
    order_id = payload.order_id
    return Event(f"{order_id}:{event_type}", event_type, "1.0", datetime.now(UTC), order_id, cause, payload)


def topics(name: str) -> list[str]:
    """The topics of the floor called `name`."""
    return [_topic(name, service) for service in TAKES]


def _topic(name: str, service: str) -> str:
    return f"{name}.{service}.events"


class Program:
    """What the four have in common: reading, transactions, publishing."""

    takes: Mapping[str, tuple[str, ...]] = TAKES
    batch = BATCH

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
        wanted = {_topic(self.name, TOPIC_OF[kind]) for kind in self.takes[self.role]}
        self._consumer.subscribe(sorted(wanted), on_assign=lambda *_: print("assigned", flush=True))
        while not self._stopping:
            if self._publish_fed:
                self._publish_fed = False
                self.publish_all_fed()
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
                headers=_headers(document),
                on_delivery=delivered,
            )
        self.producer.flush()
        assert acknowledged == len(documents), f"{len(documents) - acknowledged} messages were not delivered"
        self.mark_published(documents)

    def mark_published(self, documents: Sequence[Document]) -> None:
        """Notes that the broker has them."""
        ids = [document["_id"] for document in documents]
        self.events.update_many({"_id": {"$in": ids}}, {"$set": {"published": True}})

    def decide(self, session: ClientSession, events: Sequence[Event]) -> list[Event]:
        """Writes the states and gives the events that follow, in the transaction of the dedup rows."""
        raise NotImplementedError

    def answer(self, session: ClientSession, events: Sequence[Event]) -> list[Event]:
        """The same for the outside world's answers, in a transaction of their own. Most have none."""
        return []

    def _take(self, messages: Sequence[Message]) -> None:
        events = [decode(message.value() or b"") for message in messages]
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
        messages = [first, *self._consumer.consume(self.batch - 1, timeout=0)]
        return [each for each in messages if each.error() is None and _kind(each) in self.takes[self.role]]

    def publish_all_fed(self) -> None:
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
        "data": encode(event),
        "cause": event.causation_id,
        "published": False,
    }


def _headers(document: Document) -> list[tuple[str, bytes]]:
    order_id = document["key"]
    trace = order_id.replace("-", "")
    return [
        ("event-type", document["type"].encode()),
        ("event-version", b"1.0"),
        ("correlation-id", order_id.encode()),
        ("causation-id", (document["cause"] or "").encode()),
        ("traceparent", f"00-{trace}-{trace[:16]}-01".encode()),
    ]


def _kind(message: Message) -> str:
    return (message.headers() or [("", b"")])[0][1].decode()
