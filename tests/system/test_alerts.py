"""A real Prometheus on the real pipeline: silent while that is healthy, and each cause changes what its alert reads.

Not waited for is how long a cause must last until its alert fires: promtool tests that.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from deploy.local.places import PROMETHEUS
from ecommerce import doctor
from ecommerce.audit import scheduled
from tests import settings
from tests.prometheus import PrometheusServer, expressions, metrics_in, shown
from tests.servers import RunningServer, free_ports
from tests.system.conftest import Pipeline
from tests.system.watching import ended, place
from tests.waiting import until

DEADLINE_SECONDS = 600
WITH_METRICS = True


@pytest.fixture
def prometheus(pipeline: Pipeline, tmp_path: Path) -> Iterator[PrometheusServer]:
    """Which reads all processes of the pipeline."""
    assert PROMETHEUS.exists(), "prometheus is missing. Get it with: make tools"
    envs = {name: getattr(each.server, "env", {}) for name, each in pipeline.processes.items()}
    targets = {name: int(env["METRICS_PORT"]) for name, env in envs.items() if "METRICS_PORT" in env}
    server = PrometheusServer(free_ports(1)[0], tmp_path, {"web": settings.WEB_PORT, **targets})
    process = RunningServer(server, tmp_path / "prometheus.log")
    process.start()
    yield server
    process.stop()


def holding(prometheus: PrometheusServer) -> set[str]:
    """The alerts whose expressions hold now."""
    return {alert for alert, expression in expressions().items() if prometheus.query(expression)}


def said_by_the_doctor() -> str:
    return "\n".join(ailment.what for ailment in doctor.ailments(doctor.look()))


def is_told(prometheus: PrometheusServer, metric: str) -> bool:
    return bool(prometheus.query(f"count({metric})"))


def test_no_alert_on_a_healthy_pipeline_and_each_cause_is_seen(
    pipeline: Pipeline, prometheus: PrometheusServer
) -> None:
    ended(pipeline.shop, place(pipeline.shop, 5))
    assert scheduled.run() is not None
    names = {name for each in (*expressions().values(), *shown()) for name in metrics_in(each)}
    assert len(names) > 20
    for name in sorted(names):
        until(f"{name} to be told", partial(is_told, prometheus, name), seconds=90)
    until("nothing to be wrong", lambda: not holding(prometheus), seconds=120)
    assert prometheus.firing() == []
    until("the doctor to find nothing", lambda: not said_by_the_doctor(), seconds=90)

    producer = Producer({"bootstrap.servers": settings.KAFKA_BROKERS, "log_level": 2})
    producer.produce("orders.events", key=str(uuid4()), value=b"no event", headers={"event-type": "OrderCreated"})
    assert producer.flush(10) == 0
    until("the dead letter", lambda: "DeadLetters" in prometheus.firing(), seconds=90)

    pipeline.processes["gateway"].kill()
    place(pipeline.shop, 8)
    until("the open breaker", lambda: "BreakerOpen" in holding(prometheus), seconds=120)

    pipeline.processes["consumer-shipping"].stop()
    pipeline.processes["relay"].stop()
    place(pipeline.shop, 1)
    expected = {"ProcessDown", "ConsumerDown", "RelayAbsent", "OutboxOld"}
    until("what is stopped", lambda: expected <= holding(prometheus), seconds=120)
    for what in (
        "no consumer of shipping is alive",
        "and no relay holds the lease",
        "no worker takes the tasks of relay",
    ):
        until(what, partial(lambda what: what in said_by_the_doctor(), what), seconds=90)
    assert "are set aside" in said_by_the_doctor()
    assert not {"AuditViolations", "AuditOld", "StuckOrders", "ErrorBudgetFast"} & holding(prometheus)
