"""The audit that beat starts: one at a time, and its last result in the metrics."""

from typing import Any

import pytest
from django.db import connections
from prometheus_client import CollectorRegistry, generate_latest

from ecommerce import tasks
from ecommerce.audit import scheduled
from ecommerce.leases import Lease
from ecommerce.metrics import PipelineMetrics
from tests.integration.saga import Saga

pytestmark = pytest.mark.usefixtures("databases")


def metrics() -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(PipelineMetrics())
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, _, value in (each.rpartition(" ") for each in lines if each[0] != "#")}


@pytest.fixture
def saga(databases: None, settings: Any) -> Saga:
    settings.GATEWAY_URL = None
    saga = Saga()
    saga.stock()
    saga.place("order-1")
    saga.settle()
    return saga


def test_its_result_is_in_the_metrics_and_its_violations_in_the_log(
    saga: Saga, caplog: pytest.LogCaptureFixture
) -> None:
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
