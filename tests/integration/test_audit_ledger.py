"""The audit against the gateway's own ledger, and that no violation goes without a test."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import tests.integration.test_audit_orders
import tests.integration.test_audit_topics
from ecommerce.audit.names import Name
from tests.integration.planting import PLANTED, audited
from tests.integration.saga import Saga
from tests.sandbox import Sandbox

pytestmark = pytest.mark.usefixtures("databases")

MODULES = (tests.integration.test_audit_orders, tests.integration.test_audit_topics)
COMPLETED, CANCELLED = "order-1", "order-2"
IN_LEDGER = {
    Name.CHARGED_TWICE,
    Name.CHARGED_AND_CANCELLED,
    Name.CHARGE_MISSING,
    Name.CHARGE_AMOUNT,
    Name.FOREIGN_CHARGE,
}


@pytest.fixture
def gateway(tmp_path: Path, settings: Any) -> Iterator[Sandbox]:
    with Sandbox("gateway", tmp_path) as gateway:
        settings.GATEWAY_URL = gateway.url
        yield gateway


@pytest.fixture
def saga(databases: None, gateway: Sandbox) -> Saga:
    saga = Saga(gateway=gateway)
    saga.stock()
    saga.place(COMPLETED)
    saga.settle()
    saga.place(CANCELLED)
    saga.cancel(CANCELLED)
    saga.settle()
    return saga


def change(gateway: Sandbox, statement: str) -> None:
    with closing(sqlite3.connect(gateway.ledger)) as ledger, ledger:
        ledger.execute(statement)


def names() -> list[str]:
    return audited("--no-topics").names


def test_a_second_charge_is_found(saga: Saga, gateway: Sandbox) -> None:
    assert names() == []
    columns = "order_id, kind, reference, amount, currency, at"
    again = f"INSERT INTO movements ({columns}) SELECT {columns} FROM movements WHERE kind = 'captured'"
    change(gateway, again)
    assert Name.CHARGED_TWICE in names()
    change(gateway, "DELETE FROM movements WHERE seq = (SELECT max(seq) FROM movements)")
    assert names() == []


def test_a_charge_that_is_not_there_is_missed(saga: Saga, gateway: Sandbox) -> None:
    change(gateway, "UPDATE movements SET kind = 'thought of' WHERE kind = 'captured'")
    assert names() == [Name.CHARGE_MISSING]
    change(gateway, "UPDATE movements SET kind = 'captured' WHERE kind = 'thought of'")
    assert names() == []


def test_money_that_is_held_for_a_cancelled_order_is_found(saga: Saga, gateway: Sandbox) -> None:
    values = f"'{CANCELLED}', 'authorized', 'ch', '2026-01-01T00:00:00Z', 900, 'USD'"
    change(gateway, f"INSERT INTO movements (order_id, kind, reference, at, amount, currency) VALUES ({values})")
    assert Name.CHARGED_AND_CANCELLED in names()
    change(gateway, "DELETE FROM movements WHERE amount = 900")
    assert names() == []


def test_another_amount_than_the_orders_is_found(saga: Saga, gateway: Sandbox) -> None:
    change(gateway, "UPDATE movements SET amount = amount + 1 WHERE kind = 'captured'")
    assert names() == [Name.CHARGE_AMOUNT]
    change(gateway, "UPDATE movements SET amount = amount - 1 WHERE kind = 'captured'")
    assert names() == []


def test_money_of_an_order_that_nobody_knows_is_found(saga: Saga, gateway: Sandbox) -> None:
    values = "'nobodys', 'authorized', 'ch', '2026-01-01T00:00:00Z', 900, 'USD'"
    change(gateway, f"INSERT INTO movements (order_id, kind, reference, at, amount, currency) VALUES ({values})")
    assert names() == [Name.FOREIGN_CHARGE]
    change(gateway, "DELETE FROM movements WHERE amount = 900")
    assert names() == []


def test_every_violation_is_planted_by_a_test() -> None:
    assert set(Name) - set(PLANTED) == IN_LEDGER
    assert {plant.__module__ for each in PLANTED.values() for plant in each} == {each.__name__ for each in MODULES}
