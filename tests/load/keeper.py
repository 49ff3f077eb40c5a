"""The keeper: the floor's four bare programs, doing what the pipeline promises to do.

    python -m tests.load.keeper <role> <mongo uri> <brokers> <name>

Each service hears what the pipeline's hears, and logs it whole beside what it makes, answers and intents too; events
leave by an outbox document a transaction. It asks the same gateway and carrier, and its states have the pipeline's
indexes. It takes more at a time than the floor: here that is cheaper. So it tells what the promises cost from what the
engine costs: it has no Django, no validation, no version, no task queue, no relay and no trace of its own.
"""

import secrets
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
from confluent_kafka import Message
from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError

from tests.load.asking import QUESTIONS, OutsideWorld
from tests.load.bare import TOPIC_OF, Document, Event, Program, after, decode, encode
from tests.load.floor import Feeder, by_kind

HEARS = {
    "orders": (
        *("InventoryReserved", "PaymentAuthorized", "ShipmentCreated", "OrderShipped"),
        *("PaymentCaptured", "InventoryCommitted"),
    ),
    "inventory": ("OrderCreated", "OrderShipped"),
    "payments": ("OrderCreated", "InventoryReserved", "OrderShipped"),
    "shipping": ("OrderCreated", "PaymentAuthorized"),
}
# What a party still owes an answer to, by the status that says so.
PENDING = {"AUTHORIZING": "AUTHORIZE", "CAPTURING": "CAPTURE", "BOOKING": "BOOK"}


@dataclass
class Row:
    """A state in hand: which events it has seen, and what else is stored with it."""

    id: str
    stored: Document | None
    seen: list[str]
    status: str
    more: Document = field(default_factory=dict)

    def news(self) -> tuple[tuple[str, ...], str]:
        """What it has seen since it was stored, and its status: rows with the same share an update."""
        return tuple(self.seen[len(self.stored["seen"]) if self.stored else 0 :]), self.status


class Keeper(Program):
    """What the four have in common. `states` is the collection of their aggregates."""

    takes = HEARS
    batch = 2000
    states: str

    def __init__(self, *arguments: str) -> None:
        super().__init__(*arguments)
        self._outside = OutsideWorld()

    def heard(self, event: Event, row: Row) -> list[str]:
        """The types of the events that follow. Changes the row, but for what it has seen."""
        raise NotImplementedError

    def beside(self, events: Sequence[Event], rows: Mapping[str, Row], session: ClientSession) -> None:
        """Writes what is shared by orders. Most have none."""

    def _take(self, messages: Sequence[Message]) -> None:
        data = {}
        for message in messages:
            event = decode(message.value() or b"")
            data[event] = message.value() or b""
        try:
            made = self.keep(data)
        except BulkWriteError:  # a redelivery: those that were taken before are dropped
            ids = [event.event_id for event in data]
            known = {each["_id"] for each in self.events.find({"_id": {"$in": ids}}, {"_id": 1})}
            made = self.keep({event: bytes for event, bytes in data.items() if event.event_id not in known})
        asking = [event for event in made if event.event_type in QUESTIONS]
        for kind, ids in by_kind(asking).items():
            self._outside.ask(QUESTIONS[kind], self.database[self.states].find({"_id": {"$in": ids}}))
        if asking:
            answers = [after(event, QUESTIONS[event.event_type].answer) for event in asking]
            self.keep({answer: encode(answer) for answer in answers})

    def keep(self, inputs: Mapping[Event, bytes]) -> list[Event]:
        """Takes inputs in one transaction, and publishes what follows."""
        made: list[Event] = []
        outbox: Document = {"_id": secrets.token_hex(12)}

        def body(session: ClientSession) -> None:
            rows = self._rows({event.order_id for event in inputs}, session)
            made.clear()
            for event in inputs:
                row = rows[event.order_id]
                row.seen.append(event.event_type)
                made.extend(after(event, kind) for kind in self.heard(event, row))
            self.beside(list(inputs), rows, session)
            self._write(rows.values(), session)
            log = [entry(event, data, own=False) for event, data in inputs.items()]
            own = [entry(event, encode(event), own=True) for event in made]
            self.events.insert_many(log + own, ordered=False, session=session)
            outbox["messages"] = [message(each) for each in own if each["type"] in TOPIC_OF]
            if outbox["messages"]:
                self.database["outbox"].insert_one(outbox, session=session)

        self.in_transaction(body)
        if outbox["messages"]:
            self.publish(outbox["messages"])
            self.database["outbox"].delete_one({"_id": outbox["_id"]})
        return made

    def mark_published(self, documents: Sequence[Document]) -> None:
        """The outbox document goes instead."""

    def publish_all_fed(self) -> None:
        for document in self.database["outbox"].find():
            self.publish(document["messages"])
            self.database["outbox"].delete_one({"_id": document["_id"]})

    def _rows(self, ids: set[str], session: ClientSession) -> dict[str, Row]:
        found = self.database[self.states].find({"_id": {"$in": [*ids]}}, session=session)
        rows = {each["_id"]: Row(each["_id"], each, [*each["seen"]], each["status"]) for each in found}
        return {id: rows.get(id) or Row(id, None, [], "") for id in ids}

    def _write(self, rows: Collection[Row], session: ClientSession) -> None:
        states = self.database[self.states]
        new = [{"_id": row.id, "seen": row.seen, **standing(row.status), **row.more} for row in rows if not row.stored]
        if new:
            states.insert_many(new, ordered=False, session=session)
        alike = defaultdict(list)
        for row in rows:
            if row.stored:
                alike[row.news()].append(row.id)
        for (seen, status), ids in alike.items():
            change = {"$push": {"seen": {"$each": [*seen]}}, "$set": standing(status)}
            states.update_many({"_id": {"$in": ids}}, change, session=session)


class Orders(Keeper):
    states = "orders"

    def heard(self, event: Event, row: Row) -> list[str]:
        if event.event_type == "PaymentAuthorized":
            row.status = "PAID"
            return ["OrderConfirmed"]
        if {"PaymentCaptured", "InventoryCommitted"} <= set(row.seen) and row.status != "COMPLETED":
            row.status = "COMPLETED"
            return ["OrderCompleted"]
        return []


class Inventory(Keeper):
    states = "reservations"

    def heard(self, event: Event, row: Row) -> list[str]:
        if event.event_type == "OrderCreated":
            row.status, row.more = "RESERVED", {"items": msgspec.to_builtins(event.payload.items)}
            return ["InventoryReserved"]
        row.status = "COMMITTED"
        return ["InventoryCommitted"]

    def beside(self, events: Sequence[Event], rows: Mapping[str, Row], session: ClientSession) -> None:
        wanted, shipped = Counter[str](), Counter[str]()
        for event in events:
            row = rows[event.order_id]
            for item in row.more.get("items") or (row.stored or {})["items"]:
                (wanted if event.event_type == "OrderCreated" else shipped)[item["sku"]] += item["quantity"]
        change = {sku: (wanted[sku], shipped[sku]) for sku in wanted | shipped}
        writes = [
            UpdateOne({"_id": sku}, {"$inc": {"available": -new, "reserved": new - gone, "on_hand": -gone}})
            for sku, (new, gone) in change.items()
        ]
        self.database["stock"].bulk_write(writes, ordered=False, session=session)


class Payments(Keeper):
    states = "payments"

    def heard(self, event: Event, row: Row) -> list[str]:
        kind = event.event_type
        if kind == "OrderCreated":
            payload, sealed = event.payload, event.payload.sealed
            row.more = {"amount": payload.total_amount, "token": sealed and sealed.payment_token}
        elif kind == "OrderShipped":
            row.status = "CAPTURING"
            return ["CaptureRequested"]
        elif kind == "ChargeAuthorized":
            row.status = "AUTHORIZED"
            return ["PaymentAuthorized"]
        elif kind == "ChargeCaptured":
            row.status = "CAPTURED"
            return ["PaymentCaptured"]
        if {"OrderCreated", "InventoryReserved"} <= set(row.seen):
            row.status = "AUTHORIZING"
            return ["AuthorizationRequested"]
        return []


class Shipping(Keeper):
    states = "shipments"

    def heard(self, event: Event, row: Row) -> list[str]:
        if event.event_type == "OrderCreated":
            row.more = {"address": event.payload.sealed and event.payload.sealed.address}
        elif event.event_type == "ShipmentBooked":
            row.status = "SHIPPED"
            return ["OrderShipped"]
        if {"OrderCreated", "PaymentAuthorized"} <= set(row.seen):
            row.status = "BOOKING"
            return ["ShipmentCreated"]
        return []


class KeepingFeeder(Feeder):
    """Puts orders into the keeper, for its `orders` to publish."""

    def feed(self, count: int, *, publish: bool) -> list[str]:
        assert not publish, "the keeper is drained only"
        return super().feed(count, publish=False)

    def state(self, event: Event) -> Document:
        found = {"customer_id": event.payload.customer_id, "created_at": event.timestamp}  # by what lists look for
        return super().state(event) | found

    def insert_events(self, session: ClientSession, events: Iterable[Event]) -> None:
        own = [entry(event, encode(event), own=True) for event in events]
        placed = [{**each, "_id": f"{each['_id']}:placed", "type": "PlaceOrder", "own": False} for each in own]
        self.events.insert_many(own + placed, ordered=False, session=session)
        self.database["outbox"].insert_one({"messages": [message(each) for each in own]}, session=session)


def standing(status: str) -> Document:
    """Where a state stands, and since when."""
    return {"status": status, "pending": PENDING.get(status, ""), "updated_at": datetime.now(UTC)}


def entry(event: Event, data: bytes, *, own: bool) -> Document:
    """A log entry, with all that the pipeline's has."""
    now = datetime.now(UTC)
    known = {"_id": event.event_id, "v": 1, "type": event.event_type, "own": own, "at": event.timestamp}
    return {**known, "taken_at": now, "cause": event.causation_id, "data": data}


def message(entry: Document) -> Document:
    """What of an entry is produced."""
    order_id = entry["_id"].partition(":")[0]
    return {"type": entry["type"], "key": order_id, "data": entry["data"], "cause": entry["cause"]}


ROLES: dict[str, type[Keeper]] = {"orders": Orders, "inventory": Inventory, "payments": Payments, "shipping": Shipping}


if __name__ == "__main__":
    role, *rest = sys.argv[1:]
    ROLES[role](role, *rest).run()
