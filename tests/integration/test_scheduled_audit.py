"""The audit that beat starts: one at a time, and its last result in the metrics."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from prometheus_client import CollectorRegistry, generate_latest

from ecommerce import identity, sources, tasks
from ecommerce.audit import scheduled
from ecommerce.audit.names import Name
from ecommerce.leases import Lease
from ecommerce.metrics import PipelineMetrics
from tests.integration.saga import Saga, make_old
from tests.integration.test_audit_topics import SagaOnKafka
from tests.topics import make_topics_anew

pytestmark = pytest.mark.usefixtures("databases")


def metrics() -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(PipelineMetrics())
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, _, value in (each.rpartition(" ") for each in lines if each[0] != "#")}


@pytest.fixture
def saga(databases: None, settings: Any) -> Saga:
    settings.GATEWAY_URL = None
    make_topics_anew()
    saga = SagaOnKafka()
    saga.stock()
    saga.place("order-1")
    saga.settle()
    return saga


def test_its_result_is_in_the_metrics_and_its_violations_in_the_log(
    saga: Saga, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_FRESH", 0.0)
    assert "audit_last_violations" not in metrics()
    tasks.audit()
    seen = metrics()
    assert (seen["audit_last_orders"], seen["audit_last_violations"]) == (1, 0)
    saga.aggregates("orders").update_one({"_id": "order-1"}, {"$set": {"status": "PAID"}})
    tasks.audit()
    seen, last = metrics(), scheduled.last()
    assert last is not None
    assert seen["audit_last_violations"] == sum(last.violations.values()) > 0
    assert seen["audit_last_run_timestamp_seconds"] == last.at.timestamp()
    assert "an aggregate is not what its log says" in caplog.text


def test_another_process_that_is_at_it_is_left_alone(saga: Saga) -> None:
    other = Lease(connections["default"].database, "audit", seconds=60)
    assert other.take()
    assert scheduled.run() is None
    assert scheduled.last() is None
    other.release()
    assert scheduled.run() is not None


def audited_orders() -> tuple[int, bool]:
    result = scheduled.run()
    assert result is not None
    return result.orders, result.whole


def test_the_next_ones_judge_what_has_changed_and_what_was_not_settled(saga: Saga) -> None:
    make_old(saga)
    saga.place("order-2")  # stays under way
    assert audited_orders() == (2, True)
    make_old(saga)
    saga.place("order-3")
    assert audited_orders() == (2, False)
    saga.settle()
    make_old(saga)
    assert audited_orders() == (2, False)
    assert audited_orders() == (0, False)


def test_a_violation_is_told_until_it_is_repaired(saga: Saga) -> None:
    spoilt = saga.aggregates("payments").find_one_and_update({"_id": "order-1"}, {"$set": {"charge_id": "other"}})
    for whole in (True, False, False):
        result = scheduled.run()
        assert result is not None
        assert (result.whole, result.violations) == (whole, {Name.DIFFERS: 1})
        make_old(saga)
    saga.aggregates("payments").replace_one({"_id": "order-1"}, spoilt)
    result = scheduled.run()
    assert result is not None
    assert result.violations == {}
    assert audited_orders() == (0, False)


def test_once_a_day_all_orders_are_judged(saga: Saga) -> None:
    make_old(saga)
    assert audited_orders() == (1, True)
    saga.aggregates("payments").update_one({"_id": "order-1"}, {"$set": {"charge_id": "other"}})  # past the log
    assert audited_orders() == (0, False)
    audits = connections["default"].database[scheduled.COLLECTION]
    audits.update_one({"_id": "snapshot"}, {"$set": {"whole_at": identity.now() - timedelta(days=1)}})
    result = scheduled.run()
    assert result is not None
    assert (result.whole, result.violations) == (True, {Name.DIFFERS: 1})
