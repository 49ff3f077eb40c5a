"""The whole pipeline as processes of its own, on the tests' servers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from django.core.management import call_command

from ecommerce.demo import Shop
from tests import settings
from tests.processes import MANAGE, ProjectProcess, running
from tests.servers import RunningServer

URL = f"http://127.0.0.1:{settings.WEB_PORT}"


@dataclass(frozen=True)
class Pipeline:
    """The running processes by name, and the shop that customers see."""

    processes: dict[str, RunningServer]
    shop: Shop


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _processes(folder: Path) -> list[ProjectProcess]:
    sandbox = [
        ProjectProcess(
            name=name,
            arguments=["-m", f"deploy.sandbox.{name}", "--port", str(port), "--ledger", str(folder / f"{name}.db")],
            is_ready=lambda port=port: _answers(f"http://127.0.0.1:{port}/healthz"),
        )
        for name, port in (("gateway", settings.GATEWAY_PORT), ("carrier", settings.CARRIER_PORT))
    ]
    web = ["-m", "uvicorn", "ecommerce.asgi:application", "--port", str(settings.WEB_PORT), "--lifespan", "off"]
    consumers = [
        ProjectProcess(name=f"consumer-{name}", arguments=[MANAGE, "consume", name], env={"SERVICE": name})
        for name in ("orders", "inventory", "payments", "shipping")
    ]
    celery = ["-m", "celery", "-A", "ecommerce.celery"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    # Short only here: one branch of the demo waits for it.
    deadline = {"ORDER_DEADLINE_SECONDS": "45"}
    worker = [*celery, "worker", "-Q", "default,outside", "-P", "threads", "-c", "8", "-n", "worker@tests", *quiet]
    relay = [*celery, "worker", "-Q", "relay", "-P", "solo", "-n", "relay@tests", *quiet]
    return [
        *sandbox,
        ProjectProcess(name="web", arguments=web, is_ready=lambda: _answers(f"{URL}/readyz")),
        *consumers,
        ProjectProcess(name="worker", arguments=worker, env=deadline),
        ProjectProcess(name="relay", arguments=relay),
        ProjectProcess(name="beat", arguments=[*celery, "beat", "-s", str(folder / "beat"), "--pidfile="]),
    ]


@pytest.fixture(scope="module")  # not longer: other tests empty the databases
def pipeline(schema: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """Everything that `make up` runs, with the demo's users and products."""
    folder = tmp_path_factory.mktemp("pipeline")
    processes = {process.name: running(process, folder) for process in _processes(folder)}
    try:
        for process in processes.values():
            process.launch()
        for process in processes.values():
            process.wait_ready()
        call_command("seed", verbosity=0)
        yield Pipeline(processes, Shop(URL))
    finally:
        for process in reversed(processes.values()):
            process.stop()
