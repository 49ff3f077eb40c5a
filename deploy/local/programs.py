"""Every process of the pipeline, in the order in which it starts."""

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from deploy.local.environment import local_port
from deploy.local.places import VAR
from deploy.local.servers import KafkaServer, MongoServer, RedisServer, Server
from ecommerce.environment import CARRIER_WEBHOOK, SERVICES, derived

ASKING = ("payments", "shipping")  # the services that ask an outside party
WATCHED = ("ecommerce", *SERVICES, "frontend", "deploy")
DEFAULT_PORT = 3000
# What has no port of its own answers /metrics on these.
METRICS_PORTS = {
    name: 9401 + place
    for place, name in enumerate(
        [
            *(f"consumer-{name}" for name in SERVICES),
            "worker",
            *(f"worker-{name}" for name in ASKING),
            "relay",
            "beat",
            "live",
        ]
    )
}
SERVICE_PORTS = {name: 4001 + place for place, name in enumerate(SERVICES)}
DEFAULT_GATEWAY, DEFAULT_CARRIER = "http://127.0.0.1:4101", "http://127.0.0.1:4102"

# Run once, when the servers are ready and before the processes start.
STEPS = ("migrate_all", "create_topics")


@dataclass(frozen=True, kw_only=True)
class Program:
    """A process to keep running. It is ready when it runs, its ports are open and `ready_url` answers 200."""

    name: str
    command: list[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[int, ...] = ()
    ready_url: str | None = None
    server: Server | None = None
    stop_seconds: int = 15  # from SIGTERM to SIGKILL


def moved(port: int, env: Mapping[str, str]) -> int:
    """The port of a process of ours: as far from the one that it is with PORT=3000 as PORT is from that."""
    return port + int(env.get("PORT", DEFAULT_PORT)) - DEFAULT_PORT


def pipeline(env: Mapping[str, str], *, reload: bool = False) -> list[Program]:
    """The table: servers, sandbox parties, web, consumers, Celery. With `reload`, code changes restart ours."""
    return [_measured(program, env) for program in _programs(env, reload=reload)]


def _programs(env: Mapping[str, str], *, reload: bool) -> list[Program]:
    return [
        *_servers(env),
        *_gateway(env, reload),
        *_carrier(env, reload),
        _web("web", service="all", port=moved(DEFAULT_PORT, env), reload=reload),
        *(_web(name, service=name, port=moved(port, env), reload=reload) for name, port in SERVICE_PORTS.items()),
        *(_consumer(name, reload) for name in SERVICES),
        _python("live", ["manage.py", "live"], service="all", reload=reload),
        _celery("worker", ["worker", "-Q", "default", "-P", "threads", "-c", "4"], reload),
        # Each in a process of its own: while the gateway hangs, its tasks hold every thread that they can get.
        *(_celery(f"worker-{name}", ["worker", "-Q", name, "-P", "threads", "-c", "8"], reload) for name in ASKING),
        _celery("relay", ["worker", "-Q", "relay", "-P", "solo"], reload),
        _celery("beat", ["beat", "--schedule", str(VAR / "beat" / "schedule"), "--pidfile", ""], reload),
    ]


def _measured(program: Program, env: Mapping[str, str]) -> Program:
    port = METRICS_PORTS.get(program.name)
    return replace(program, env={**program.env, "METRICS_PORT": str(moved(port, env))}) if port else program


def _servers(env: Mapping[str, str]) -> list[Program]:
    programs = []
    if port := local_port(env.get("MONGO_URI")):
        programs.append(_server("mongo", MongoServer(port=port, data=VAR / "mongo"), port))
    in_the_clear = env.get("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT") == "PLAINTEXT"
    if in_the_clear and (port := local_port(env.get("KAFKA_BROKERS"))):
        kafka = KafkaServer(port=port, controller_port=port + 1, data=VAR / "kafka")
        programs.append(_server("kafka", kafka, port, port + 1))
    if port := local_port(env.get("REDIS_URL")):
        programs.append(_server("redis", RedisServer(port=port, data=VAR / "redis"), port))
    return programs


def _server(name: str, server: Server, *ports: int) -> Program:
    return Program(name=name, command=server.command(), ports=ports, server=server, stop_seconds=30)


def _gateway(env: Mapping[str, str], reload: bool) -> list[Program]:
    if env.get("PAYMENT_GATEWAY") == "stripe":
        return []
    return _sandbox("gateway", env.get("GATEWAY_URL", DEFAULT_GATEWAY), reload)


def _carrier(env: Mapping[str, str], reload: bool) -> list[Program]:
    """The sandbox carrier, which reports to the web process."""
    secret = env.get("CARRIER_WEBHOOK_SECRET") or derived(env.get("JWT_SECRET", ""), CARRIER_WEBHOOK).hex()
    webhook = f"http://127.0.0.1:{env.get('PORT', '3000')}/api/v1/webhooks/carrier"
    programs = _sandbox("carrier", env.get("CARRIER_URL", DEFAULT_CARRIER), reload, "--webhook", webhook)
    return [replace(program, env={**program.env, "CARRIER_WEBHOOK_SECRET": secret}) for program in programs]


def _sandbox(name: str, url: str, reload: bool, *options: str) -> list[Program]:
    """None where the URL is not this machine's, or is not plain HTTP."""
    port = local_port(url)
    if not port or urlsplit(url).scheme != "http":
        return []
    ledger = str(VAR / name / "ledger.db")
    command = ["-m", f"deploy.sandbox.{name}", "--port", str(port), "--ledger", ledger]
    return [_python(name, [*command, *options], service="all", ports=(port,), reload=reload)]


def _web(name: str, *, service: str, port: int, reload: bool) -> Program:
    command = [sys.executable, "-m", "uvicorn", "ecommerce.asgi:application", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--no-access-log", "--lifespan", "off", "--log-level", "warning"]
    command += ["--timeout-graceful-shutdown", "5", "--ws-max-size", "65536"]
    if reload:
        command += ["--reload", *(word for folder in WATCHED for word in ("--reload-dir", folder))]
    env = {"SERVICE": service, "PORT": str(port)}
    return Program(name=name, command=command, env=env, ports=(port,), ready_url=f"http://127.0.0.1:{port}/readyz")


def _consumer(service: str, reload: bool) -> Program:
    return _python(f"consumer-{service}", ["manage.py", "consume", service], service=service, reload=reload)


def _celery(name: str, arguments: list[str], reload: bool) -> Program:
    quiet = ["--without-gossip", "--without-mingle", "-n", f"{name}@local"] if arguments[0] == "worker" else []
    command = ["-m", "celery", "-A", "ecommerce.celery", *arguments, *quiet]
    return _python(name, command, service="all", reload=reload)


def _python(name: str, arguments: list[str], *, service: str, reload: bool, ports: tuple[int, ...] = ()) -> Program:
    command = [sys.executable, *arguments]
    if reload:
        watch = [sys.executable, "-m", "watchfiles", "--filter", "python", "--sigint-timeout", "10"]
        command = [*watch, shlex.join(command), *WATCHED]
    return Program(name=name, command=command, env={"SERVICE": service}, ports=ports)
