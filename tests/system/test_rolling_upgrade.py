"""A rolling upgrade under load: each process of the new version starts beside the old one, which is then ended."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import httpx
import msgspec

from ecommerce.demo import Placed, Shop
from ecommerce.registry import engine
from inventory.messages import AdjustStock
from tests import settings
from tests.chaos.customers import fates
from tests.copies import change, copy_tree
from tests.pipeline import URL, web_process
from tests.processes import ProjectProcess, running
from tests.servers import RunningServer, free_ports, stop_all
from tests.system.conftest import Pipeline
from tests.system.watching import BODY, MANY, audited
from tests.waiting import until

DEADLINE_SECONDS = 600
ORDERS_A_SECOND = 50
PATIENCE_SECONDS = 120  # a machine that is busy with more than this is slow
# The new version says more of a reservation, to processes that do not know it yet, and hears less from those of before.
NEXT_VERSION = """
+++ b/inventory/events.py
-    \"\"\"All of the order's goods are set aside for it. `lines` name each sku once.\"\"\"
+    \"\"\"All of the order's goods are set aside for it, in `warehouse`. `lines` name each sku once.\"\"\"
+
+    version: ClassVar[str] = "1.1"
+    warehouse: str = "main"
"""


class Storefront:
    """Customers who order at a steady rate from the web process that is in use, and never ask twice."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._asked: Counter[Shop] = Counter()  # requests under way
        self._counting = Lock()
        self.placed: list[Placed] = []
        self.failed: list[str] = []
        self._open = True

    def move(self, url: str) -> None:
        """From now on customers come here. Returns, as a balancer does, when those of before have their answers."""
        old, new = self._shop, Shop(url, patience=PATIENCE_SECONDS)
        new.call("GET", "orders")  # signs in, once for all of them
        with self._counting:
            self._shop = new
        until("the old process to have answered", lambda: not self._asked[old], seconds=PATIENCE_SECONDS)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Customers come meanwhile, and each gets an answer before it ends."""
        with ThreadPoolExecutor(32) as customers, ThreadPoolExecutor(1) as door:
            opened = door.submit(self._let_in, customers)
            try:
                yield
            finally:
                self._open = False
                for order in opened.result():
                    order.result()

    def _let_in(self, customers: ThreadPoolExecutor) -> list[Future[None]]:
        orders, due = [], time.monotonic()
        while self._open:
            orders.append(customers.submit(self._order))
            due += 1 / ORDERS_A_SECOND
            time.sleep(max(0.0, due - time.monotonic()))  # customers come when they like
        return orders

    def _order(self) -> None:
        with self._counting:
            shop = self._shop
            self._asked[shop] += 1
        try:
            answer = shop.send("POST", "orders", user="alice", body=BODY)
        except httpx.HTTPError as error:
            self.failed.append(repr(error))
            return
        finally:
            with self._counting:
                self._asked[shop] -= 1
        if answer.status_code == 201:
            self.placed.append(Placed(MANY, answer.json()["orderId"]))
        else:
            self.failed.append(f"{answer.status_code} {answer.text}")


def of_next_version(process: RunningServer, tree: Path, folder: Path, **changes: Any) -> RunningServer:
    assert isinstance(process.server, ProjectProcess)
    return running(replace(process.server, tree=tree, name=f"{process.server.name}-next", **changes), folder)


def reservations_published() -> Counter[str]:
    log = engine("inventory").database["events"]
    found = log.find({"type": "InventoryReserved", "own": True}, {"data": 1})
    return Counter(msgspec.json.decode(each["data"])["version"] for each in found)


def test_an_upgrade_under_load_loses_doubles_and_refuses_nothing(pipeline: Pipeline, tmp_path: Path) -> None:
    tree = copy_tree(tmp_path / "tree")
    change(tree, NEXT_VERSION)
    engine("inventory").execute(AdjustStock(sku="SKU-003", delta=100_000, reason="sale", by="test"), id="for a sale")
    storefront = Storefront(Shop(URL, patience=PATIENCE_SECONDS))
    parties = {"gateway", "carrier"}  # outside, and no part of the upgrade
    olds = {name: process for name, process in pipeline.processes.items() if name not in parties}
    news: list[RunningServer] = []
    try:
        with storefront.open():
            until("orders to be under way", lambda: len(storefront.placed) > ORDERS_A_SECOND)
            for name, old in olds.items():
                if name == "web":
                    [port] = free_ports(1)
                    new = of_next_version(running(web_process("web", port), tmp_path), tree, tmp_path)
                    news.append(new)
                    new.start()
                    storefront.move(f"http://127.0.0.1:{port}")
                else:
                    new = of_next_version(old, tree, tmp_path)
                    news.append(new)
                    new.start()
                    seen = len(storefront.placed)
                    until("both to work side by side", lambda seen=seen: len(storefront.placed) > seen + 25, seconds=60)
                old.stop()
            before = reservations_published()["1.1"]
            until("the new version alone to work", lambda: reservations_published()["1.1"] > before + 50, seconds=60)
        assert storefront.failed == []
        placed = storefront.placed
        until("all orders to have ended", lambda: all(fates(placed).values()), seconds=120)
        assert Counter(fates(placed).values()) == {"COMPLETED": len(placed)}
        assert set(reservations_published()) == {"1.0", "1.1"}
        letters = [engine(name).database["dead_letters"].count_documents({}) for name in settings.SERVED]
        assert letters == [0] * len(settings.SERVED)
        assert "0 violations" in audited()
    finally:
        stop_all(news)
