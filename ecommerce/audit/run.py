"""Reads the four logs, the stock and the gateway's ledger, and applies the rules.

The logs are walked together along their ids, so memory does not grow with them. What looks wrong is read twice: the
databases are not read at one moment, so an order on its way may look torn in between.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from typing import Any

import httpx
from pymongo.client_session import ClientSession

from ecommerce import identity, storage
from ecommerce.audit.rules import Entry, Story, Violation, judge
from ecommerce.engine import Engine
from ecommerce.messages import Event
from ecommerce.storage import Document

_LEDGER_PAGE = 1000


@dataclass(slots=True)
class Report:
    """What an audit found. `in_flight` orders are under way and not late; they prove nothing yet."""

    orders: int = 0
    ended: int = 0
    in_flight: int = 0
    ledger: str = "not read"
    violations: list[Violation] = field(default_factory=list)


class Audit:
    """One audit over the services of `engines` (by name)."""

    def __init__(self, engines: dict[str, Engine], *, patience: timedelta, gateway_url: str | None) -> None:
        self._engines = engines
        self._patience = patience
        self._gateway_url = gateway_url
        self._takers = _takers(engines.values())

    def run(self) -> Report:
        """The whole audit."""
        report = Report()
        charges, report.ledger = self._charges()
        for story in self._stories():
            report.orders += 1
            report.ended += story.ended
            if any(self._judge(story, charges)):
                story = self._again(story)
                report.violations += self._judge(story, charges)
            report.in_flight += not story.ended or bool(story.unseen)
        report.violations += self._stock()
        return report

    def _judge(self, story: Story, charges: dict[str, "Charge"] | None) -> list[Violation]:
        found = list(judge(story, now=identity.now(), patience=self._patience))
        if charges is not None and story.ended and not story.unseen:
            found += charges.get(story.order_id, Charge()).violations(story)
        return found

    # Stories

    def _stories(self) -> Iterator[Story]:
        logs = [self._log(name, engine) for name, engine in self._engines.items()]
        merged = heapq.merge(*logs, key=lambda each: each[0])
        for key, entries in groupby(merged, key=lambda each: each[0]):
            story = self._story(key, ((name, entry) for _, name, entry in entries))
            if any(story.made[type] or self._took(story, type) for type in ("OrderCreated",)):
                yield story

    def _log(self, name: str, engine: Engine) -> Iterator[tuple[str, str, Document]]:
        found = engine.database[storage.EVENTS].find({}, {"data": 0}, sort=[("_id", 1)])
        for entry in found:
            yield storage.key_of(entry), name, entry

    def _again(self, story: Story) -> Story:
        entries = [
            (name, entry)
            for name, engine in self._engines.items()
            for entry in storage.history(engine.database, story.order_id)
        ]
        fresh = self._story(story.order_id, entries)
        fresh.parked = sum(self._parked(engine, story.order_id) for engine in self._engines.values())
        return fresh

    def _story(self, key: str, entries: Iterable[tuple[str, Document]]) -> Story:
        logs: dict[str, list[Entry]] = {name: [] for name in self._engines}
        for name, each in entries:
            logs[name].append(
                Entry(
                    event_id=storage.event_id_of(each),
                    type=each["type"],
                    own=each["own"],
                    version=each["v"],
                    at=each["taken_at"],
                )
            )
        for log in logs.values():
            log.sort(key=lambda entry: entry.version)
        return Story(order_id=key, logs=logs, takers=self._takers)

    def _took(self, story: Story, type: str) -> bool:
        return any(entry.type == type for log in story.logs.values() for entry in log)

    def _parked(self, engine: Engine, key: str) -> int:
        collection = engine.service.aggregates[0].collection
        document = engine.database[collection].find_one({"_id": key}, {"parked": 1})
        return document["parked"] if document else 0

    # Stock

    def _stock(self) -> list[Violation]:
        """Compared inside one snapshot: rows and reservations change together."""
        if "inventory" not in self._engines:
            return []
        database = self._engines["inventory"].database
        with database.client.start_session(snapshot=True) as session:
            rows = list(database["stock"].find(session=session))
            reserved = _pieces(database["reservations"], "RESERVED", session)
            shipped = _pieces(database["reservations"], "COMMITTED", session)
        return [
            violation
            for row in rows
            for violation in stock_violations(row, reserved.get(row["_id"], 0), shipped.get(row["_id"], 0))
        ]

    # The gateway's own record

    def _charges(self) -> tuple[dict[str, "Charge"] | None, str]:
        if self._gateway_url is None:
            return None, "not read"
        charges: dict[str, Charge] = {}
        after, movements = 0, 0
        try:
            with httpx.Client(base_url=self._gateway_url, timeout=10) as client:
                while True:
                    page = (
                        client.get("/ledger", params={"after": after, "limit": _LEDGER_PAGE}).raise_for_status().json()
                    )
                    for movement in page["movements"]:
                        charges.setdefault(movement["order"], Charge()).add(movement)
                    movements += len(page["movements"])
                    if page["next"] is None:
                        return charges, f"{movements} movements"
                    after = page["next"]
        except httpx.HTTPError as error:
            return None, f"out of reach ({error!r}): what the gateway recorded was not compared"


@dataclass(slots=True)
class Charge:
    """What the gateway recorded of one order, in minor units."""

    kinds: list[str] = field(default_factory=list)
    amounts: dict[str, int] = field(default_factory=dict)

    def add(self, movement: dict[str, Any]) -> None:
        self.kinds.append(movement["kind"])
        self.amounts[movement["kind"]] = self.amounts.get(movement["kind"], 0) + movement.get("amount", 0)

    def violations(self, story: Story) -> Iterator[Violation]:
        look = f"manage.py explain_order {story.order_id}"
        subject = f"order {story.order_id}"
        recorded = ", ".join(self.kinds) or "nothing"
        for kind in ("authorized", "captured"):
            if self.kinds.count(kind) > 1:
                yield Violation(
                    name="charged twice", subject=subject, detail=f"the gateway has {recorded}", repair=look
                )
        held = self.amounts.get("authorized", 0) - self.amounts.get("captured", 0) - self.amounts.get("voided", 0)
        kept = self.amounts.get("captured", 0) - self.amounts.get("refunded", 0)
        if story.made["OrderCancelled"] and (held or kept):
            yield Violation(
                name="charged and cancelled", subject=subject, detail=f"the gateway has {recorded}", repair=look
            )
        if story.made["OrderCompleted"] and self.kinds.count("captured") != 1:
            yield Violation(
                name="completed and not paid", subject=subject, detail=f"the gateway has {recorded}", repair=look
            )


def stock_violations(row: Document, reserved: int, shipped: int) -> Iterator[Violation]:
    """What is wrong with a row of stock, given the pieces that reservations hold and have shipped."""
    checks = {
        "stock below zero": min(row["available"], row["reserved"], row["on_hand"]) >= 0,
        "on hand is not received less shipped": row["on_hand"] == row["received"] - row["shipped"],
        "available and reserved are not on hand": row["available"] + row["reserved"] == row["on_hand"],
        "reserved is not what reservations hold": row["reserved"] == reserved,
        "shipped is not what reservations shipped": row["shipped"] == shipped,
    }
    figures = {name: row[name] for name in ("on_hand", "available", "reserved", "received", "shipped")}
    for name, holds in checks.items():
        if not holds:
            detail = f"{figures}, reservations hold {reserved} and shipped {shipped}"
            yield Violation(
                name=name,
                subject=f"sku {row['_id']}",
                detail=detail,
                repair="manage.py rebuild --service inventory --write",
            )


def _pieces(reservations: Any, status: str, session: ClientSession) -> dict[str, int]:
    pipeline = [
        {"$match": {"status": status}},
        {"$unwind": "$lines"},
        {"$group": {"_id": "$lines.sku", "pieces": {"$sum": "$lines.quantity"}}},
    ]
    return {each["_id"]: each["pieces"] for each in reservations.aggregate(pipeline, session=session)}


def _takers(engines: Iterable[Engine]) -> dict[str, frozenset[str]]:
    """Which services take which public events about orders."""
    services = [engine.service for engine in engines]
    return {
        kind.__name__: frozenset(service.name for service in services if kind in service.taker)
        for publisher in services
        for kind in publisher.publishes
        if issubclass(kind, Event) and kind.key_field == "order_id"
    }
