"""What is read of orders: by views, admin and commands."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import QuerySet

from ecommerce import storage
from ecommerce.messages import Envelope, Event, decode
from ecommerce.registry import engine
from ecommerce.saga import causally
from ecommerce.storage import Document
from orders.domain import Status
from orders.events import OrderCreated, Sealed
from orders.messages import CancelOrder, PlaceOrder, SealedNote
from orders.models import Order, Product
from orders.service import ORDER

OPEN = (Status.PENDING, Status.RESERVED, Status.PAID)
ENDED = (Status.COMPLETED, Status.DELIVERED, Status.CANCELLED)


def order(order_id: str) -> Order | None:
    """One order, if it was placed."""
    found: Order | None = Order.objects.filter(pk=order_id).exclude(customer_id="").first()
    return found


def versions(order_ids: Iterable[str]) -> dict[str, int]:
    """A number for each order that grows whenever it changes."""
    return dict(Order.objects.filter(pk__in=[*order_ids]).values_list("pk", "version"))


class Standing(NamedTuple):
    """Where an order stands: `parked` is how many messages wait behind a dead letter."""

    version: int
    parked: int
    created_at: datetime


def standings(order_ids: Iterable[str]) -> dict[str, Standing]:
    """Those of these orders that were placed."""
    found = _placed(order_ids, {"v": 1, "parked": 1, "created_at": 1})
    return {each["_id"]: Standing(each["v"], each["parked"], each["created_at"]) for each in found}


def some(order_ids: Iterable[str]) -> list[Order]:
    """Those of these orders that were placed, as they are now. Past the ORM's compiler, for who asks all the time."""
    fields = Order._meta.concrete_fields
    return [Order(**{field.attname: found[field.column] for field in fields}) for found in _placed(order_ids)]


def _placed(order_ids: Iterable[str], fields: dict[str, int] | None = None) -> Iterator[Document]:
    condition = {"_id": {"$in": [*order_ids]}, "customer_id": {"$gt": ""}}
    return engine("orders").database[ORDER.collection].find(condition, fields)


def latest(customer_id: str | None, *, limit: int) -> list[Order]:
    """A customer's orders, or everybody's, the newest first."""
    found = orders(customer_id=customer_id, status=None, after=None, before=None)
    return list(found.order_by("-created_at", "-pk")[:limit])


def under_way() -> int:
    """How many orders have not ended."""
    statuses = [*(status for status in Status if status not in ENDED)]
    return engine("orders").database[ORDER.collection].count_documents({"status": {"$in": statuses}})


def taken(entries: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of these events (order, event) that orders has in its log."""
    ids = {storage.entry_id(*each): each for each in entries}
    if not ids:
        return set()
    found = engine("orders").database[storage.EVENTS].find({"_id": {"$in": [*ids]}}, {"_id": 1})
    return {ids[each["_id"]] for each in found}


def orders(
    *, customer_id: str | None, status: str | None, after: datetime | None, before: datetime | None
) -> "QuerySet[Order]":
    """A customer's orders, or everybody's; created from `after` until just before `before`."""
    found = (
        Order.objects.exclude(customer_id="") if customer_id is None else Order.objects.filter(customer_id=customer_id)
    )
    if status:
        found = found.filter(status=status)
    if after:
        found = found.filter(created_at__gte=after)
    if before:
        found = found.filter(created_at__lt=before)
    return found


def overdue(created_before: datetime, *, limit: int) -> list[str]:
    """Orders that have not got anywhere since `created_before`, the oldest first."""
    found = Order.objects.filter(status__in=OPEN, created_at__lt=created_before).exclude(customer_id="")
    return list(found.order_by("created_at").values_list("pk", flat=True)[:limit])


def first_answer(order_id: str) -> tuple[PlaceOrder, Envelope[OrderCreated]]:
    """The command that placed an order and the event that it made, as first logged."""
    history = storage.history(engine("orders").database, order_id)
    command = next(entry for entry in history if entry["type"] == "PlaceOrder")
    created = next(entry for entry in history if entry["type"] == "OrderCreated")
    return decode(command["data"], PlaceOrder).payload, decode(created["data"], OrderCreated)


def timeline(order_id: str) -> list[dict[str, Any]]:
    """The public events of all services about an order, each after its cause, as orders' own log has them."""
    kinds = engine("orders").service.kinds
    entries = []
    for entry in storage.history(engine("orders").database, order_id):
        kind = kinds[entry["type"]]
        if issubclass(kind, Event):
            entries.append((entry, kind))
    events = [
        {
            "eventId": storage.event_id_of(entry),
            "eventType": entry["type"],
            "service": kind.topic.split(".")[0],
            "timestamp": entry["at"],
            "seenAt": entry["taken_at"],
            "causationId": entry["cause"],
        }
        for entry, kind in entries
    ]
    return causally(events, [(event["timestamp"], event["eventId"], event["causationId"]) for event in events])


def published(order_id: str, event_id: str) -> bytes | None:
    """An event about the order, as its service published it: the original bytes. None if orders has not taken it."""
    found = engine("orders").database[storage.EVENTS].find_one({"_id": storage.entry_id(order_id, event_id)})
    if found is None or not issubclass(engine("orders").service.kinds[found["type"]], Event):
        return None
    return bytes(found["data"])


def with_sku(sku: str, *, limit: int) -> list[str]:
    """The orders of a product, the latest first."""
    return _latest({"items.sku": sku}, limit)


def needing_staff(*, limit: int) -> list[str]:
    """Those with something that only a person can settle, the latest first."""
    return _latest({"attention": {"$gt": ""}}, limit)


def held(*, limit: int) -> list[str]:
    """Those that wait behind a dead letter of orders, the latest first."""
    return _latest({"parked": {"$gt": 0}}, limit)


def _latest(condition: dict[str, Any], limit: int) -> list[str]:
    found = engine("orders").database[ORDER.collection].find(condition, {"_id": 1})
    return [each["_id"] for each in found.sort([("created_at", -1), ("_id", -1)]).limit(limit)]


def prices() -> int:
    """How many products orders knows the price of."""
    return Product.objects.filter(revision__gt=0).count()


def notes(order_id: str) -> list[SealedNote]:
    """What the customer said when cancelling, each time."""
    history = storage.history(engine("orders").database, order_id)
    commands = [decode(each["data"], CancelOrder).payload for each in history if each["type"] == "CancelOrder"]
    return [command.sealed for command in commands if command.sealed]


def sealed_of(customer_id: str) -> Iterator[tuple[str, Status, Sealed]]:
    """A customer's orders, each with its status and what is sealed of it: address and payment token."""
    events = engine("orders").database[storage.EVENTS]
    for order_id, status in Order.objects.filter(customer_id=customer_id).values_list("pk", "status").iterator():
        log = {"_id": {"$gte": f"{order_id}:", "$lt": f"{order_id};"}, "type": "OrderCreated"}
        if entry := events.find_one(log):
            yield order_id, Status(status), decode(entry["data"], OrderCreated).payload.sealed
