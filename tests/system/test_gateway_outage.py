"""The gateway hangs: its breaker opens, everybody else goes on, and afterwards every order is paid for once."""

import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from django.db import connections
from prometheus_client.parser import text_string_to_metric_families

from ecommerce import storage
from ecommerce.demo import Placed
from ecommerce.registry import engine
from tests import settings
from tests.pipeline import URL
from tests.servers import RunningServer
from tests.system.conftest import Pipeline
from tests.system.watching import BODY, audited, ended, place
from tests.waiting import until

DEADLINE_SECONDS = 600  # nothing here waits for it
GATEWAY = f"http://127.0.0.1:{settings.GATEWAY_PORT}"
OTHERS = ("orders", "inventory", "shipping")
HANGS_SECONDS = 30
PAID_ONCE = ["authorized", "captured"]


def metric(name: str, **labels: str) -> list[tuple[dict[str, str], float]]:
    text = httpx.get(f"{URL}/metrics", timeout=30, trust_env=False).text
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return [
        (each.labels, each.value) for each in samples if each.name == name and labels.items() <= each.labels.items()
    ]


def breaker() -> str:
    """The state of the gateway's breaker, as the metrics have it."""
    states = metric("circuit_breaker_state", service="payments", party="gateway")
    return next((labels["state"] for labels, value in states if value == 1), "")


def lags() -> dict[str, float]:
    """Seconds, by service, as the metrics have them."""
    return {labels["service"]: value for labels, value in metric("consumer_lag_seconds")}


def waits(service: str, placed: list[Placed]) -> list[float]:
    """Seconds from each event of another service about these orders until this one had taken it."""
    database = engine(service).database
    entries = (entry for one in placed for entry in storage.history(database, one.order_id))
    taken = [entry for entry in entries if entry["type"] in ("OrderCreated", "InventoryReserved") and not entry["own"]]
    return [(entry["taken_at"] - entry["at"]).total_seconds() for entry in taken]


def movements(order_id: str) -> list[str]:
    """What the gateway's own ledger has of an order."""
    answer = httpx.get(f"{GATEWAY}/ledger/{order_id}", timeout=30, trust_env=False).raise_for_status().json()
    return [each["kind"] for each in answer["movements"]]


def faults(**given: Any) -> None:
    httpx.post(f"{GATEWAY}/faults", json=given, timeout=30, trust_env=False).raise_for_status()


def documents(service: str, collection: str, placed: list[Placed], **where: Any) -> int:
    ids = [one.order_id for one in placed]
    return int(connections[service].database[collection].count_documents({"_id": {"$in": ids}, **where}))


@contextmanager
def frozen(server: RunningServer) -> Iterator[None]:
    """Pauses it, if it is not paused, and lets it go on afterwards."""
    server.pause()
    try:
        yield
    finally:
        server.resume()


def completed(pipeline: Pipeline, placed: list[Placed]) -> None:
    """Every order is completed, and paid for once by the gateway's own ledger."""
    ended(pipeline.shop, placed)
    assert Counter(one.status for one in placed) == {"COMPLETED": len(placed)}
    assert [movements(one.order_id) for one in placed] == [PAID_ONCE] * len(placed)
    assert "0 violations" in audited()


def test_a_gateway_that_hangs_for_30_seconds_holds_up_nobody_else(pipeline: Pipeline) -> None:
    before = place(pipeline.shop, 5)
    ended(pipeline.shop, before)
    until("the breaker to be seen closed", lambda: breaker() == "closed")
    placed: list[Placed] = []
    seen: list[dict[str, float]] = []
    # Parcels that are paid for, and of which shipping hears only when the gateway hangs.
    with frozen(pipeline.processes["consumer-shipping"]):
        due = place(pipeline.shop, 3)
        until("payments", lambda: documents("payments", "payments", due, status="AUTHORIZED") == 3, seconds=90)
        pipeline.processes["gateway"].pause()
    with frozen(pipeline.processes["gateway"]):
        until("the parcels", lambda: documents("shipping", "shipments", due, status="SHIPPED") == 3, seconds=90)
        end = time.monotonic() + HANGS_SECONDS
        while time.monotonic() < end or breaker() != "open":
            new = place(pipeline.shop, 1)
            taken_by_the_others(new)
            placed += new
            seen.append(lags())
        assert documents("payments", "payments", placed, status="AUTHORIZED") == 0
    until("the breaker to be seen closed again", lambda: breaker() == "closed", seconds=90)
    completed(pipeline, [*before, *due, *placed])
    typical = {service: statistics.median(waits(service, placed)) for service in OTHERS}
    longest = {service: max(each[service] for each in seen) for service in OTHERS}
    print(f"{len(placed)} orders while the gateway hung; the others' lag in seconds: {typical}, at most {longest}")
    assert max(typical.values()) < 1.0
    assert max(longest.values()) < HANGS_SECONDS  # a busy machine has its moments, but nobody waited for the gateway


def taken_by_the_others(new: list[Placed]) -> None:
    """Returns when all but payments have taken the order and what follows from it."""
    until("stock", lambda: documents("inventory", "reservations", new, status="RESERVED") == 1)
    until("the order's status", lambda: documents("orders", "orders", new, status="RESERVED") == 1)
    until("shipping", lambda: documents("shipping", "shipments", new) == 1)


def test_a_gateway_that_charges_and_then_hangs_charges_once(pipeline: Pipeline) -> None:
    faults(hang_seconds=600, moment="after")
    try:
        placed = place(pipeline.shop, 5)
        until("charges", lambda: all(movements(one.order_id) == ["authorized"] for one in placed), seconds=90)
        assert documents("payments", "payments", placed, status="AUTHORIZED") == 0
    finally:
        faults()
    completed(pipeline, placed)


@pytest.mark.parametrize("token", ["tok_timeout_charged", "tok_flaky"])
def test_a_card_that_answers_at_last_is_charged_once(pipeline: Pipeline, token: str) -> None:
    completed(pipeline, place(pipeline.shop, 5, BODY | {"paymentMethod": token}))


def test_a_card_that_never_answers_is_let_go_of_when_its_order_is_cancelled(pipeline: Pipeline) -> None:
    placed = place(pipeline.shop, 3, BODY | {"paymentMethod": "tok_timeout"})
    until("the gateway to be asked", lambda: documents("payments", "payments", placed, pending="AUTHORIZE") == 3)
    for one in placed:
        pipeline.shop.call("POST", f"orders/{one.order_id}/cancel", body={"reason": "too slow"}, expect=202)
    ended(pipeline.shop, placed)
    assert Counter((one.status, one.reason) for one in placed) == {("CANCELLED", "CUSTOMER"): 3}
    assert [movements(one.order_id) for one in placed] == [["voided"]] * 3
    assert "0 violations" in audited()
