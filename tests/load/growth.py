"""Finished orders in bulk, to see whether a pipeline with a past is slower: clones of one real order, with new ids.

They are written past the engine into logs, aggregates, stock and the parties' ledgers, so that rebuild holds of them
like of any other, and so does the audit where it does not read the topics: their events were never there.
"""

import sqlite3
from collections.abc import Iterator
from typing import Any

from bson import Int64
from pymongo.database import Database

from ecommerce import identity
from ecommerce.environment import SERVICES
from ecommerce.registry import engine
from tests.load.running_pipeline import Pipeline

Document = dict[str, Any]

_AT_ONCE = 500
_AGGREGATES = {"orders": "orders", "inventory": "reservations", "payments": "payments", "shipping": "shipments"}


def prefill(pipeline: Pipeline, size: int) -> None:
    """Fills up to `size` completed orders with clones of one. Nothing else may be under way."""
    pipeline.settle()
    count = size - pipeline.completed()
    assert count >= 0, f"more than {size} orders are there already"
    model = engine("orders").database["orders"].find_one({"status": "COMPLETED"})
    assert model is not None, "there is no completed order to clone"
    ids = [identity.derived_id("clone", identity.new_id()) for _ in range(count)]
    for service in SERVICES:
        _clone_documents(engine(service).database, _AGGREGATES[service], model["_id"], ids)
    _ship_stock(model["items"], count)
    for party in ("gateway", "carrier"):
        _clone_ledger(str(pipeline.folder / f"{party}.db"), model["_id"], ids)
    # A checkpoint: what comes next is measured, and must not pay for writing out what was cloned.
    engine("orders").database.client.admin.command("fsync")


def _clone_documents(database: Database[Document], aggregate: str, model: str, ids: list[str]) -> None:
    entries = list(database["events"].find({"_id": {"$gte": f"{model}:", "$lt": f"{model};"}}))
    state = database[aggregate].find_one({"_id": model})
    assert state is not None
    for some in _in_batches(ids):
        database["events"].insert_many([_clone(entry, model, id) for id in some for entry in entries], ordered=False)
        database[aggregate].insert_many([_clone(state, model, id) for id in some], ordered=False)


def _clone(document: Document, model: str, id: str) -> Document:
    clone = document | {"_id": document["_id"].replace(model, id)}
    if "data" in document:
        clone["data"] = document["data"].replace(model.encode(), id.encode())
    return clone


def _ship_stock(items: list[Document], count: int) -> None:
    stock = engine("inventory").database["stock"]
    for item in items:
        pieces = Int64(item["quantity"] * count)
        stock.update_one({"_id": item["sku"]}, {"$inc": {"on_hand": -pieces, "available": -pieces, "shipped": pieces}})


def _clone_ledger(path: str, model: str, ids: list[str]) -> None:
    ledger = sqlite3.connect(path, timeout=30)
    with ledger:
        [state] = ledger.execute("SELECT state FROM orders WHERE id = ?", (model,)).fetchone()
        columns = "kind, reference, at, amount, currency"
        movements = ledger.execute(f"SELECT {columns} FROM movements WHERE order_id = ?", (model,)).fetchall()
        ledger.executemany("INSERT INTO orders (id, state) VALUES (?, ?)", ((id, state) for id in ids))
        ledger.executemany(
            f"INSERT INTO movements (order_id, {columns}) VALUES (?, ?, ?, ?, ?, ?)",
            ((id, *movement) for id in ids for movement in movements),
        )
    ledger.close()


def _in_batches(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
