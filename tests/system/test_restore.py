"""A service's database put back to a backup while the others went on: what it has forgotten comes back from Kafka."""

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import httpx
import pytest
from django.core.management import call_command
from django.db import connections
from pymongo.client_session import ClientSession

from ecommerce import storage
from ecommerce.demo import Placed, Shop
from ecommerce.environment import SERVICES
from ecommerce.registry import engine
from ecommerce.transaction import in_transaction
from inventory.messages import AdjustStock
from tests import settings
from tests.chaos.customers import fates
from tests.pipeline import URL
from tests.system.conftest import Pipeline
from tests.system.watching import audited, ended, place
from tests.waiting import until

DEADLINE_SECONDS = 600
CLEAN_WITHIN_SECONDS = 120

Backup = Mapping[str, list[dict[str, Any]]]


def back_up(service: str) -> Backup:
    """All that the service has stored, as of one moment."""
    database = connections[service].database
    with database.client.start_session(snapshot=True) as session:
        return {name: list(database[name].find(session=session)) for name in names_in(service)}


def put_back(service: str, backup: Backup) -> None:
    """At one moment too: the web server, the worker and the relay go on."""
    database = connections[service].database

    def body(session: ClientSession) -> None:
        for name in names_in(service):
            database[name].delete_many({}, session=session)
            if backup[name]:
                database[name].insert_many(backup[name], session=session)

    in_transaction(service, body, patience=60)


def names_in(service: str) -> list[str]:
    names = connections[service].database.list_collection_names()
    return [name for name in names if name not in ("leases", "django_migrations")]


def settled() -> bool:
    said = StringIO()
    try:
        call_command("audit", stdout=said)
    except SystemExit:
        # Orders that have ended everywhere else lack what the service has yet to do again.
        raise InterruptedError(said.getvalue()) from None
    return "0 in flight" in said.getvalue()


@pytest.mark.parametrize("service", SERVICES)
def test_orders_placed_after_the_backup_end_and_the_audit_is_clean(pipeline: Pipeline, service: str) -> None:
    before = place(pipeline.shop, 5)
    ended(pipeline.shop, before)
    under_way = place(pipeline.shop, 5)
    backup = back_up(service)
    after = place(pipeline.shop, 5)
    ended(pipeline.shop, under_way + after)
    consumer = pipeline.processes[f"consumer-{service}"]
    consumer.stop()
    later = place(pipeline.shop, 5)
    put_back(service, backup)
    database = connections[service].database
    assert [storage.history(database, one.order_id) for one in after + later] == [[]] * 10
    consumer.start()
    placed = before + under_way + after + later
    for one in placed:
        one.status = "PENDING"
    ended(pipeline.shop, placed)
    assert Counter(one.status for one in placed) == {"COMPLETED": 20}
    until("the service to have caught up", settled, seconds=120)
    assert "0 violations" in audited()


def test_what_the_gateway_was_asked_for_1000_forgotten_orders_is_not_asked_twice(pipeline: Pipeline) -> None:
    """Payments forgets 1,000 orders that the gateway has charged for, while customers go on ordering."""
    engine("inventory").execute(AdjustStock(sku="SKU-003", delta=10_000, reason="sale", by="test"), id="for a sale")
    backup = back_up("payments")
    forgotten = by_many(1000)
    with ThreadPoolExecutor(1) as others:
        meanwhile = others.submit(by_many, 200)
        consumer = pipeline.processes["consumer-payments"]
        consumer.stop()
        put_back("payments", backup)
        consumer.start()
        until("the audit to be clean", settled, seconds=CLEAN_WITHIN_SECONDS)
    placed = forgotten + meanwhile.result()
    assert Counter(fates(placed).values()) == {"COMPLETED": 1200}
    assert "0 violations" in audited()
    done = Counter(movement for url in (settings.GATEWAY_URL, settings.CARRIER_URL) for movement in movements(url))
    assert {done[one.order_id, kind] for one in placed for kind in ("authorized", "captured", "accepted")} == {1}


def by_many(count: int) -> list[Placed]:
    """Orders of several customers at once, who wait until theirs have ended."""

    def customer(_: int) -> list[Placed]:
        placed = place(Shop(URL), count // 8)
        until("the orders to have ended", lambda: all(fates(placed).values()), seconds=180)
        return placed

    with ThreadPoolExecutor(8) as customers:
        return [one for batch in customers.map(customer, range(8)) for one in batch]


def movements(url: str) -> Iterator[tuple[str, str]]:
    """The order and the kind of each entry in the ledger of an outside party."""
    after: int | None = 0
    while after is not None:
        page = httpx.get(f"{url}/ledger", params={"after": after, "limit": 1000}, timeout=10, trust_env=False).json()
        yield from ((each["order"], each["kind"]) for each in page["movements"])
        after = page["next"]
