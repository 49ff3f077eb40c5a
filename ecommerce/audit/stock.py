"""Products against their logs and against the reservations, inside one snapshot of each database.

What reservations hold and have shipped is added up inside MongoDB, and each reservation is compared with its own log
elsewhere. So a row is known from its own few entries and two sums, and no memory grows with the number of orders.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace
from pymongo.client_session import ClientSession

from ecommerce import storage
from ecommerce.audit.names import Name
from ecommerce.audit.story import Mending, Repair, Violation
from ecommerce.engine import Engine
from ecommerce.rebuild import Difference, Folded, compare
from ecommerce.service import State
from ecommerce.storage import Document

ROWS = {"inventory": "stock", "orders": "products"}
_FIGURES = ("on_hand", "available", "reserved", "received", "shipped")


def violations(engines: Mapping[str, Engine], only: str | None = None) -> Iterator[Violation]:
    """What is wrong with each product, or with one: stock, and orders' copies of the prices."""
    rows = {service: collection for service, collection in ROWS.items() if service in engines}
    skus = {only} if only else {key for service in rows for key in _keys(engines[service], rows[service])}
    for service in rows:
        for sku, stored, difference in compared(engines[service], skus):
            yield from _violations(service, sku, stored, difference)


def compared(engine: Engine, skus: set[str]) -> Iterator[tuple[str, Document | None, Difference | None]]:
    """Each row as it is stored, and how it differs from what its log and the reservations add up to."""
    database, collection = engine.database, ROWS[engine.service.name]
    aggregate = engine.service.aggregate_in(collection)
    with database.client.start_session(snapshot=True) as session:
        stored = {row["_id"]: row for row in database[collection].find({"_id": {"$in": [*skus]}}, session=session)}
        pieces = _Pieces(database["reservations"], session) if collection == "stock" else None
        for sku in sorted(skus | pieces.skus if pieces else skus):
            folded = Folded(aggregate.initial(sku))
            folded.fold(engine.service, aggregate, storage.history(database, sku, session=session))
            if pieces:
                folded.state = pieces.taken_from(folded.state, sku)
            yield sku, stored.get(sku), compare(engine.service, aggregate, sku, folded, stored.get(sku))


class _Pieces:
    """What reservations hold and have shipped, by sku."""

    def __init__(self, reservations: Any, session: ClientSession) -> None:
        self._held = _sums(reservations, "RESERVED", session)
        self._shipped = _sums(reservations, "COMMITTED", session)
        self.skus = {*self._held, *self._shipped}

    def taken_from(self, row: Any, sku: str) -> State:
        """The row of which only its own log was folded, less these pieces."""
        held, shipped = self._held.get(sku, 0), self._shipped.get(sku, 0)
        on_hand, available = row.on_hand - shipped, row.available - shipped - held
        taken: State = replace(row, on_hand=on_hand, available=available, reserved=held, shipped=shipped)
        return taken


def _sums(reservations: Any, status: str, session: ClientSession) -> dict[str, int]:
    pipeline = [
        {"$match": {"status": status}},
        {"$unwind": "$lines"},
        {"$group": {"_id": "$lines.sku", "pieces": {"$sum": "$lines.quantity"}}},
    ]
    return {each["_id"]: each["pieces"] for each in reservations.aggregate(pipeline, session=session)}


def _keys(engine: Engine, collection: str) -> Iterator[str]:
    for row in engine.database[collection].find({}, {"_id": 1}):
        yield row["_id"]


def _violations(service: str, sku: str, stored: Document | None, difference: Difference | None) -> Iterator[Violation]:
    row: Mapping[str, Any] = stored or {}
    right: Mapping[str, Any] = (difference.folded if difference else stored) or {}
    if row.keys() >= {*_FIGURES}:
        checks = {
            Name.STOCK_NEGATIVE: min(row["available"], row["reserved"], row["on_hand"]) >= 0,
            Name.STOCK_ON_HAND: row["on_hand"] == row["received"] - row["shipped"],
            Name.STOCK_SUM: row["available"] + row["reserved"] == row["on_hand"],
            Name.STOCK_RESERVED: row["reserved"] == right["reserved"],
            Name.STOCK_SHIPPED: row["shipped"] == right["shipped"],
        }
        for name in (name for name, holds in checks.items() if not holds):
            yield _violation(name, service, sku, f"{_figures(row)}; should be {_figures(right)}", difference)
    if difference and any(right.get(name) != row.get(name) for name in {*right} - {*_FIGURES, "_id"} | {"received"}):
        yield _violation(Name.STOCK_LOG, service, sku, str(difference), difference)


def _figures(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {row[name]}" for name in _FIGURES)


def _violation(name: Name, service: str, sku: str, detail: str, difference: Difference | None) -> Violation:
    if difference is None:
        # The books agree with each other, so it is the shelf that has to be counted.
        command = f"manage.py shell, or POST /api/v1/stock/{sku}/adjustments with what was counted"
        return Violation(name=name, subject=f"sku {sku}", detail=detail, command=command)
    safe = Repair(mending=Mending.STOCK, service=service, key=sku)
    return Violation(name=name, subject=f"sku {sku}", detail=detail, command="manage.py audit --repair", safe=safe)
