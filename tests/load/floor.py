"""The floor: the same nine events a saga as four bare programs, with the pipeline's durability and nothing else.

    python -m tests.load.floor <role> <mongo uri> <brokers> <name>
    python -m tests.load.floor feed <rate> <seconds> <mongo uri> <brokers> <name>

No Django, no validation, no outside world, no cancellation, no recovery of what a crash leaves half-way.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from pymongo import UpdateOne
from pymongo.client_session import ClientSession

from tests.load.bare import Document, Event, Program, after, as_document, order_created


class Orders(Program):
    def decide(self, session: ClientSession, events: Sequence[Event]) -> list[Event]:
        orders = self.database["orders"]
        ids = list({event.order_id for event in events})
        seen = {each["_id"]: set(each["seen"]) for each in orders.find({"_id": {"$in": ids}}, session=session)}
        made = []
        for event in events:
            facts = seen[event.order_id]
            facts.add(event.event_type)
            if event.event_type == "PaymentAuthorized":
                made.append(after(event, "OrderConfirmed"))
            elif facts >= {"PaymentCaptured", "InventoryCommitted"}:
                made.append(after(event, "OrderCompleted"))
        for kind, of_kind in by_kind(events).items():
            orders.update_many({"_id": {"$in": of_kind}}, {"$push": {"seen": kind}}, session=session)
        # In this order: an order may be confirmed and completed in one batch.
        for kind in ("OrderConfirmed", "OrderCompleted"):
            _set_status(orders, [event for event in made if event.event_type == kind], session)
        return made


class Inventory(Program):
    def decide(self, session: ClientSession, events: Sequence[Event]) -> list[Event]:
        wanted: Counter[str] = Counter()
        shipped: Counter[str] = Counter()
        for event in events:
            for item in event.payload.items:
                (wanted if event.event_type == "OrderCreated" else shipped)[item.sku] += item.quantity
        writes = [
            UpdateOne(
                {"_id": sku, "available": {"$gte": wanted[sku]}, "reserved": {"$gte": shipped[sku] - wanted[sku]}},
                {
                    "$inc": {
                        "available": -wanted[sku],
                        "reserved": wanted[sku] - shipped[sku],
                        "on_hand": -shipped[sku],
                    }
                },
            )
            for sku in wanted | shipped
        ]
        done = self.database["stock"].bulk_write(writes, ordered=False, session=session)
        assert done.matched_count == len(writes), "out of stock"
        return [
            after(event, "InventoryReserved" if event.event_type == "OrderCreated" else "InventoryCommitted")
            for event in events
        ]


class Payments(Program):
    def decide(self, session: ClientSession, events: Sequence[Event]) -> list[Event]:
        new = [event for event in events if event.event_type == "InventoryReserved"]
        rows = [
            {
                "_id": event.order_id,
                "status": "AUTHORIZING",
                "amount": event.payload.total_amount,
                "currency": event.payload.currency,
                "token": event.payload.sealed and event.payload.sealed.payment_token,
            }
            for event in new
        ]
        if rows:
            self.database["payments"].insert_many(rows, ordered=False, session=session)
        return []

    def answer(self, session: ClientSession, events: Sequence[Event]) -> list[Event]:
        made = [
            after(event, "PaymentAuthorized" if event.event_type == "InventoryReserved" else "PaymentCaptured")
            for event in events
        ]
        _set_status(self.database["payments"], made, session)
        return made


class Shipping(Program):
    def decide(self, session: ClientSession, events: Sequence[Event]) -> list[Event]:
        rows = [
            {
                "_id": event.order_id,
                "status": "BOOKING",
                "address": event.payload.sealed and event.payload.sealed.address,
            }
            for event in events
        ]
        self.database["shipments"].insert_many(rows, ordered=False, session=session)
        return [after(event, "ShipmentCreated") for event in events]

    def answer(self, session: ClientSession, events: Sequence[Event]) -> list[Event]:
        made = [after(event, "OrderShipped") for event in events]
        _set_status(self.database["shipments"], made, session)
        return made


def _set_status(collection: Any, events: Sequence[Event], session: ClientSession) -> None:
    """The state after each event: one update a kind of event."""
    for kind, ids in by_kind(events).items():
        collection.update_many({"_id": {"$in": ids}}, {"$set": {"status": kind}}, session=session)


def by_kind(events: Sequence[Event]) -> dict[str, list[str]]:
    """The orders of the events of each type."""
    kinds: dict[str, list[str]] = {}
    for event in events:
        kinds.setdefault(event.event_type, []).append(event.order_id)
    return kinds


ROLES: dict[str, type[Program]] = {"orders": Orders, "inventory": Inventory, "payments": Payments, "shipping": Shipping}


class Feeder(Program):
    """Puts orders into the floor: what a bare storefront would do."""

    def __init__(self, uri: str, brokers: str, name: str) -> None:
        super().__init__("orders", uri, brokers, name)

    def stock_up(self, skus: Iterable[str], pieces: int) -> None:
        rows = [{"_id": sku, "available": pieces, "reserved": 0, "on_hand": pieces} for sku in skus]
        self.client[f"{self.name}_inventory"]["stock"].insert_many(rows)

    def feed(self, count: int, *, publish: bool) -> list[str]:
        """So many orders, in one transaction of at most `BATCH`. Gives their ids."""
        events = [order_created(number) for number in range(count)]

        def body(session: ClientSession) -> None:
            orders = [self.state(event) for event in events]
            self.database["orders"].insert_many(orders, ordered=False, session=session)
            self.insert_events(session, events)

        self.in_transaction(body)
        if publish:
            self.publish([as_document(event) for event in events])
        return [event.order_id for event in events]

    def state(self, event: Event) -> Document:
        """The order as it is stored at first."""
        return {"_id": event.order_id, "status": "PENDING", "seen": [], **msgspec.to_builtins(event.payload)}

    def feed_steadily(self, rate: float, seconds: float) -> dict[str, float]:
        """An order at each of its times, which do not wait for the one before: id → when it was due (epoch)."""
        due_at: dict[str, float] = {}
        start = time.time() + 0.2
        for number in range(int(rate * seconds)):
            due = start + number / rate
            time.sleep(max(0.0, due - time.time()))
            due_at[self.feed(1, publish=True)[0]] = due
        return due_at


if __name__ == "__main__":
    role, *rest = sys.argv[1:]
    if role == "feed":
        rate, seconds, *rest = rest
        print(msgspec.json.encode(Feeder(*rest).feed_steadily(float(rate), float(seconds))).decode())
    else:
        ROLES[role](role, *rest).run()
