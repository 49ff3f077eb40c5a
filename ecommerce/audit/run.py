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

from pymongo.client_session import ClientSession

from ecommerce import identity, storage
from ecommerce.audit.ledger import Ledger
from ecommerce.audit.rules import Entry, Story, Violation, judge
from ecommerce.engine import Engine
from ecommerce.messages import Event
from ecommerce.storage import Document


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
        self._ledger = Ledger(gateway_url)
        self._takers = _takers(engines.values())

    def run(self) -> Report:
        """The whole audit."""
        report = Report()
        self._ledger.read()
        report.ledger = self._ledger.said
        for story in self._stories():
            report.orders += 1
            report.ended += story.ended
            if self._judge(story):
                story = self._again(story)
                report.violations += self._judge(story)
            report.in_flight += not story.ended or bool(story.unseen)
        report.violations += self._stock()
        return report

    def _judge(self, story: Story) -> list[Violation]:
        found = list(judge(story, now=identity.now(), patience=self._patience))
        charge = self._ledger.charge(story.order_id)
        if charge is not None and story.ended and not story.unseen:
            found += charge.violations(story)
        return found

    # Stories

    def _stories(self) -> Iterator[Story]:
        logs = [self._log(name, engine) for name, engine in self._engines.items()]
        merged = heapq.merge(*logs, key=lambda each: each[0])
        for key, entries in groupby(merged, key=lambda each: each[0]):
            story = self._story(key, ((name, entry) for _, name, entry in entries))
            if self._knows_of(story, "OrderCreated"):
                yield story

    def _log(self, name: str, engine: Engine) -> Iterator[tuple[str, str, Document]]:
        found = engine.database[storage.EVENTS].find({}, {"data": 0}, sort=[("_id", 1)])
        for entry in found:
            yield storage.key_of(entry), name, entry

    def _again(self, story: Story) -> Story:
        self._ledger.read_again(story.order_id)
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

    def _knows_of(self, story: Story, type: str) -> bool:
        return any(entry.type == type for log in story.logs.values() for entry in log)

    def _parked(self, engine: Engine, key: str) -> int:
        collection = engine.service.aggregates[0].collection
        document = engine.database[collection].find_one({"_id": key}, {"parked": 1})
        return int(document["parked"]) if document else 0

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
            for violation in stock_violations(row, reserved.get(str(row["_id"]), 0), shipped.get(str(row["_id"]), 0))
        ]


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
            repair = "manage.py rebuild --service inventory --write"
            yield Violation(name=name, subject=f"sku {row['_id']}", detail=detail, repair=repair)


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
