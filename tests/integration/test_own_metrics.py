"""/metrics of a process that serves no web pages."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.pipeline import pipeline_processes
from tests.processes import MANAGE, ProjectProcess, running
from tests.servers import METRICS_PORTS, RunningServer, free_ports
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("databases")


@pytest.fixture
def port() -> int:
    return free_ports(1, among=METRICS_PORTS)[0]


@pytest.fixture
def consumer(port: int, tmp_path: Path) -> Iterator[RunningServer]:
    """A consumer of orders, which is told to answer on `port`."""
    env = {"SERVICE": "orders", "METRICS_PORT": str(port)}
    process = running(ProjectProcess(name="consumer", arguments=[MANAGE, "consume", "orders"], env=env), tmp_path)
    yield process
    process.stop()


def names(port: int) -> set[str]:
    try:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=5, trust_env=False).text
    except httpx.HTTPError:
        return set()
    return {family.name for family in text_string_to_metric_families(text)}


def test_it_tells_what_it_counts_itself_and_asks_nobody_else(consumer: RunningServer, port: int) -> None:
    consumer.start()
    until("it to answer", lambda: names(port), seconds=90)
    assert {"engine_batch_inputs", "engine_inputs", "hop_seconds", "process_cpu_seconds"} <= names(port)
    assert not {"pipeline_source_up", "consumer_lag_messages"} & names(port)


def test_a_port_that_is_taken_is_said_and_stops_nobody(consumer: RunningServer, port: int, tmp_path: Path) -> None:
    with subprocess.Popen(["python3", "-m", "http.server", str(port), "--bind", "127.0.0.1"], cwd=tmp_path) as holder:
        try:
            until("the port to be taken", lambda: _answers(port), seconds=90)
            consumer.start()
            until("it to work", lambda: '"event": "assigned"' in consumer.log.read_text(), seconds=90)
            assert "no metrics: the port is taken" in consumer.log.read_text()
        finally:
            holder.terminate()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_web_process_tells_there_too_what_it_reads_elsewhere(port: int, tmp_path: Path) -> None:
    # Whoever asks a pod by its address has no name that the port for people would answer to.
    web = next(each for each in pipeline_processes(tmp_path, deadline_seconds=120) if each.name == "web")
    process = running(replace(web, env={**web.env, "METRICS_PORT": str(port)}), tmp_path)
    try:
        process.launch()
        until(
            "the metrics of a web process",
            lambda: {"outbox_documents", "pipeline_source_up"} <= names(port),
            seconds=60,
        )
    finally:
        process.stop()
