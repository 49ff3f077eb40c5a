"""Messages that are set aside, for the tests of dead letters: of payments, which also asks the gateway."""

from io import StringIO
from typing import Any

from django.core.management import call_command

from ecommerce import identity, storage
from ecommerce.deadletters.letters import COLLECTION
from ecommerce.engine import Engine
from ecommerce.inputs import Source
from ecommerce.messages import Event, encode, seal_in_envelope
from ecommerce.reading import read_bytes
from inventory.events import InventoryReserved, Line
from orders.events import Item, OrderCreated, Sealed
from shipping.events import ShipmentCancelled

AT = identity.now()


class Feed:
    """Messages as from Kafka for one service, each at the next offset of partition 0 of its topic."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._offsets: dict[str, int] = {}

    def input(self, event: Event, *, data: bytes | None = None, key: bytes | None = None) -> Any:
        offset = self._offsets[event.topic] = self._offsets.get(event.topic, -1) + 1
        source = Source(
            topic=event.topic,
            partition=0,
            offset=offset,
            key=event.key.encode() if key is None else key,
            headers=(("event-type", type(event).__name__.encode()),),
        )
        return read_bytes(self.engine.service, bytes_of(event) if data is None else data, source)

    def give(self, *events: Event) -> None:
        self.engine.take([self.input(event) for event in events])

    def spoil(self, event: Event, data: bytes = b"\xff broken", **more: Any) -> str:
        """Gives a message that cannot be read in place of `event`. Gives its letter's id."""
        before = set(self.letters())
        self.engine.take([self.input(event, data=data, **more)])
        (id,) = set(self.letters()) - before
        return id

    def letters(self) -> dict[str, str]:
        """Every letter's status by its id, in the order of their places."""
        found = self.engine.database[COLLECTION].find(sort=[("key", 1), ("parked_at", 1), ("place", 1)])
        return {letter["_id"]: letter["status"] for letter in found}

    def statuses(self) -> list[str]:
        return list(self.letters().values())

    def log(self, key: str) -> list[str]:
        """The types of an aggregate's log entries; fails if a version is missing or doubled."""
        history = storage.history(self.engine.database, key)
        assert [entry["v"] for entry in history] == list(range(1, len(history) + 1))
        return [entry["type"] for entry in history]

    def parked(self, key: str) -> int:
        collection = self.engine.service.aggregates[0].collection
        document = self.engine.database[collection].find_one({"_id": key})
        return int(document["parked"]) if document else 0


def bytes_of(event: Event) -> bytes:
    """An event as it is on Kafka; always the same id for the same event."""
    return encode(seal_in_envelope(event, id=f"{type(event).__name__}-{event.key}", at=AT, cause=None))


def created(order_id: str) -> OrderCreated:
    sealed = Sealed(key_id="k", address="a", payment_token="t")
    items = (Item(sku="S", quantity=1, unit_price=100),)
    return OrderCreated(
        order_id=order_id, customer_id="c", items=items, total_amount=100, currency="USD", sealed=sealed
    )


def reserved(order_id: str) -> InventoryReserved:
    return InventoryReserved(order_id=order_id, lines=(Line(sku="S", quantity=1),))


def cancelled(order_id: str) -> ShipmentCancelled:
    return ShipmentCancelled(order_id=order_id, reason="STAFF")


def dlq(*arguments: str, status: int = 0) -> str:
    """What `manage.py dlq` prints; fails if it does not end with `status`."""
    said, ended = StringIO(), 0
    try:
        call_command("dlq", *arguments, stdout=said)
    except SystemExit as end:
        ended = int(end.code or 0)
    assert ended == status, said.getvalue()
    return said.getvalue()
