"""The pipeline's processes, as `make up` runs them, for tests that need the whole of it on the tests' servers."""

from io import StringIO
from pathlib import Path

import httpx
import redis
from django.core.management import call_command
from django.db import connections

from ecommerce.environment import SERVICES
from tests import settings
from tests.heartbeats import silence
from tests.processes import MANAGE, ProjectProcess
from tests.servers import METRICS_PORTS, Servers, free_ports
from tests.topics import make_topics_anew

URL = f"http://127.0.0.1:{settings.WEB_PORT}"
ASKING = ("payments", "shipping")  # those that ask an outside party, each with workers of its own


def pipeline_processes(
    folder: Path, *, deadline_seconds: int, consumers: int = 1, with_metrics: bool = False
) -> list[ProjectProcess]:
    """Every process, in the order in which to start them. Ledgers and beat's schedule lie in `folder`.

    Orders end after `deadline_seconds`. Each service has so many `consumers`, but inventory one: it has one writer.
    `with_metrics`, those that are no servers have ports for theirs.
    """
    celery = ["-m", "celery", "-A", "ecommerce.celery"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]

    def worker(name: str, queue: str, *pool: str) -> ProjectProcess:
        arguments = [*celery, "worker", "-Q", queue, "-P", *pool, "-n", f"{name}@tests", *quiet]
        return ProjectProcess(name=name, arguments=arguments, env=deadline | measured())

    def measured() -> dict[str, str]:
        return {"METRICS_PORT": str(free_ports(1, among=METRICS_PORTS)[0])} if with_metrics else {}

    deadline = {"ORDER_DEADLINE_SECONDS": str(deadline_seconds)}
    return [
        *sandbox_processes(folder, "--webhook", f"{URL}/api/v1/webhooks/carrier"),
        web_process("web", settings.WEB_PORT),
        *(
            ProjectProcess(name=name, arguments=[MANAGE, "consume", service], env={"SERVICE": service} | measured())
            for service in SERVICES
            for name in consumer_names(service, consumers)
        ),
        ProjectProcess(name="live", arguments=[MANAGE, "live"], env=measured()),
        worker("worker", "default", "threads", "-c", "4"),
        *(worker(f"worker-{service}", service, "threads", "-c", "8") for service in ASKING),
        worker("relay", "relay", "solo"),
        ProjectProcess(
            name="beat", arguments=[*celery, "beat", "-s", str(folder / "beat"), "--pidfile="], env=measured()
        ),
    ]


def sandbox_processes(folder: Path, *of_carrier: str) -> list[ProjectProcess]:
    """The outside parties, with their ledgers in `folder`; `of_carrier` are the carrier's options."""
    return [
        _sandbox("gateway", settings.GATEWAY_PORT, folder),
        _sandbox("carrier", settings.CARRIER_PORT, folder, *of_carrier),
    ]


def web_process(name: str, port: int) -> ProjectProcess:
    """A web process that serves everything on this port."""
    web = ["-m", "uvicorn", "ecommerce.asgi:application", "--port", str(port), "--lifespan", "off"]
    web += ["--no-access-log", "--log-level", "warning", "--ws-max-size", "65536"]
    return ProjectProcess(name=name, arguments=web, is_ready=lambda: _answers(f"http://127.0.0.1:{port}/readyz"))


def start_empty(servers: Servers) -> None:
    """Databases, topics and queues as in a new installation, whatever ran on these servers before."""
    silence()  # they would make a collection meanwhile
    for service in SERVICES:
        connections[service].ensure_connection()
        connections[service].connection.drop_database(settings.DATABASES[service]["NAME"])
    call_command("migrate_all", verbosity=0, stdout=StringIO())
    redis.Redis.from_url(servers.redis.url).flushall()
    make_topics_anew()


def consumer_names(service: str, count: int) -> list[str]:
    """The names of a service's consumers, where each service has `count` of them."""
    others = range(2, count + 1) if service != "inventory" else ()
    return [f"consumer-{service}", *(f"consumer-{service}-{number}" for number in others)]


def _sandbox(name: str, port: int, folder: Path, *options: str) -> ProjectProcess:
    command = ["-m", f"deploy.sandbox.{name}", "--port", str(port), "--ledger", str(folder / f"{name}.db")]
    return ProjectProcess(
        name=name,
        arguments=[*command, *options],
        env={"CARRIER_WEBHOOK_SECRET": settings.CARRIER_WEBHOOK_SECRET},
        is_ready=lambda: _answers(f"http://127.0.0.1:{port}/healthz"),
    )


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
