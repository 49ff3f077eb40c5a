"""A service's database put back to a backup while the others went on: what it has forgotten comes back from Kafka."""

from collections import Counter
from collections.abc import Mapping
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from pymongo.client_session import ClientSession

from ecommerce import storage
from ecommerce.environment import SERVICES
from ecommerce.transaction import in_transaction
from tests.system.conftest import Pipeline
from tests.system.watching import audited, ended, place
from tests.waiting import until

DEADLINE_SECONDS = 600

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
