"""The three servers, for the pipeline (fixed ports, data in `var/`) and for tests (free ports, temporary folders).

A server knows the command that runs it, what has to be there before (`prepare`) and after it listens (`wait_ready`).
Whoever uses it starts and stops the process: the supervisor, or a test. All three survive SIGKILL on the same folder.
"""

import base64
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import redis
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local import places

REPLICA_SET = "rs0"
# A process that is killed in a transaction leaves its documents locked until MongoDB gives the transaction up, for
# which it looks around in half of this interval. Its default, 60, leaves those orders standing still for up to 90.
ABANDONED_SECONDS = 10
_NOT_YET_INITIALIZED = 94
_CONFIG_IS_NOT_OURS = 93


class NotReady(RuntimeError):
    """A server did not become ready before the deadline; the message says what was waited for."""


class Server(Protocol):
    """What the supervisor and the tests need to know of a server."""

    @property
    def address(self) -> str:
        """What its clients are configured with."""

    def prepare(self) -> None:
        """Makes its folder, its configuration and what it must find at its first start. Safe to run again."""

    def command(self) -> list[str]:
        """What to execute."""

    def wait_ready(self, *, deadline: float) -> None:
        """Returns when clients are served. Raises NotReady at `deadline` (of time.monotonic)."""


def poll(what: str, probe: Callable[[], bool], *, deadline: float, every: float = 0.05) -> None:
    """Returns when `probe` gives true. An error of its client means not yet; NotReady carries the last one."""
    problem = ""
    while time.monotonic() < deadline:
        try:
            if probe():
                return
        except (PyMongoError, KafkaException, redis.RedisError, OSError) as error:
            problem = f" ({str(error)[:300]})"
        time.sleep(every)
    raise NotReady(f"waited in vain for {what}{problem}")


@dataclass(frozen=True, kw_only=True)
class MongoServer:
    """A node of a replica set, by default its only one: transactions and change streams need a set."""

    port: int
    data: Path
    members: tuple[int, ...] = ()  # the ports of all nodes, where there are several; the first one forms the set
    cache_gb: float = 0.5
    oplog_mb: int = 1024
    fail_points: bool = False
    options: tuple[str, ...] = ()  # more of the command line
    client: Mapping[str, Any] = field(default_factory=dict)  # what who connects to it needs beside the port

    @property
    def address(self) -> str:
        nodes = ",".join(f"127.0.0.1:{port}" for port in self._members)
        return f"mongodb://{nodes}/?replicaSet={REPLICA_SET}"

    @property
    def _members(self) -> tuple[int, ...]:
        return self.members or (self.port,)

    def prepare(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        parameters = ["diagnosticDataCollectionEnabled=false", f"transactionLifetimeLimitSeconds={ABANDONED_SECONDS}"]
        if self.fail_points:
            parameters.append("enableTestCommands=1")
        return [
            places.mongod(),
            *("--dbpath", str(self.data), "--port", str(self.port), "--bind_ip", "127.0.0.1", "--nounixsocket"),
            *("--replSet", REPLICA_SET, "--oplogSize", str(self.oplog_mb)),
            *("--wiredTigerCacheSizeGB", str(self.cache_gb), "--quiet"),
            *(word for each in parameters for word in ("--setParameter", each)),
            *self.options,
        ]

    def wait_ready(self, *, deadline: float) -> None:
        patience: dict[str, Any] = {"serverSelectionTimeoutMS": 300, "connectTimeoutMS": 1000}
        with MongoClient[dict[str, object]](
            "127.0.0.1", self.port, directConnection=True, **patience, **self.client
        ) as client:
            poll("MongoDB to elect its primary", lambda: self._serves(client), deadline=deadline)

    def _serves(self, client: MongoClient[dict[str, object]]) -> bool:
        hello = client.admin.command("hello")
        if hello.get("isWritablePrimary") or (hello.get("secondary") and hello.get("primary")):
            return True
        if self.port != self._members[0]:
            return False
        members = [{"_id": id, "host": f"127.0.0.1:{port}"} for id, port in enumerate(self._members)]
        config = {"_id": REPLICA_SET, "version": 1, "members": members}
        try:
            client.admin.command("replSetGetStatus")
        except OperationFailure as error:
            if error.code == _NOT_YET_INITIALIZED:
                client.admin.command("replSetInitiate", config)
            elif error.code == _CONFIG_IS_NOT_OURS:  # the port has changed since the folder was made
                client.admin.command("replSetReconfig", config, force=True)
            else:
                raise
        return False


@dataclass(frozen=True, kw_only=True)
class KafkaServer:
    """A KRaft node that is broker and controller, by default the only one of its cluster.

    Nodes of one cluster share its `cluster` id and know each other's `controllers` (ports); `node` counts from 1.
    """

    port: int
    controller_port: int
    data: Path
    node: int = 1
    controllers: tuple[int, ...] = ()
    cluster: str = ""
    heap_mb: int = 512
    quick_start: bool = False
    properties: Mapping[str, object] = field(default_factory=dict)  # more of its configuration, or in place of ours
    client: Mapping[str, str | int] = field(default_factory=dict)  # what who connects to it needs beside the address

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def _properties(self) -> Path:
        return self.data / "server.properties"

    def prepare(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        settings = self._settings() | dict(self.properties)
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        if not (self.data / "log" / "meta.properties").exists():
            self._format()

    def command(self) -> list[str]:
        # The first compiler alone starts in two thirds of the CPU time; the second makes a busy broker faster.
        compiler = ["-XX:TieredStopAtLevel=1"] if self.quick_start else []
        return [*self._java(heap_mb=self.heap_mb, flags=compiler), "kafka.Kafka", str(self._properties)]

    def wait_ready(self, *, deadline: float) -> None:
        # Without a port to connect to, librdkafka would log each attempt.
        client = AdminClient(
            {"bootstrap.servers": self.address, "log_level": 0, "socket.timeout.ms": 2000, **self.client}
        )
        poll("Kafka to answer", lambda: bool(client.list_topics(timeout=1).brokers), deadline=deadline)

    def _java(self, *, heap_mb: int, flags: list[str]) -> list[str]:
        return [
            places.java(),
            *(f"-Xmx{heap_mb}m", f"-Xms{min(heap_mb, 128)}m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"),
            *(*flags, "-Djava.awt.headless=true", f"-Dlog4j2.configurationFile=file:{places.LOG4J}"),
            *("-cp", places.kafka_classpath()),
        ]

    def _format(self) -> None:
        cluster = self.cluster or new_cluster()
        tool = [*self._java(heap_mb=128, flags=["-XX:TieredStopAtLevel=1"]), "kafka.tools.StorageTool"]
        formatting = subprocess.run(
            [*tool, "format", "--cluster-id", cluster, "--config", str(self._properties), "--ignore-formatted"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if formatting.returncode:
            raise NotReady(f"Kafka's storage in {self.data} was not formatted: {formatting.stdout.strip()[-1000:]}")

    def _settings(self) -> dict[str, object]:
        controllers = self.controllers or (self.controller_port,)
        copies, in_sync = min(3, len(controllers)), max(1, min(3, len(controllers)) - 1)
        return {
            "process.roles": "broker,controller",
            "node.id": self.node,
            "controller.quorum.voters": ",".join(
                f"{node}@127.0.0.1:{port}" for node, port in enumerate(controllers, start=1)
            ),
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": self.data / "log",
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": 0,
            # After a crash the broker is taken in again when its former self counts as gone: after 9 s by default.
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            # Few partitions of the internal topics to open at each start, and no copies where there is one node.
            "default.replication.factor": copies,
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": in_sync,
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": in_sync,
            "share.coordinator.state.topic.num.partitions": 4,
            # Small: the default of the cleaner alone is 128 MB of heap.
            "num.network.threads": 2,
            "num.io.threads": 4,
            "background.threads": 2,
            "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        }


def new_cluster() -> str:
    """An id for a new Kafka cluster."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode().replace("-", "A")


@dataclass(frozen=True, kw_only=True)
class RedisServer:
    """Celery's queues and the dashboard's channels: both can be lost, but a restart need not lose them."""

    port: int
    data: Path
    durable: bool = True
    database: int = 0
    options: tuple[str, ...] = ()  # more of the command line
    client: Mapping[str, Any] = field(default_factory=dict)  # what who connects to it needs beside the address

    @property
    def address(self) -> str:
        return f"redis://127.0.0.1:{self.port}/{self.database}"

    def prepare(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        return [
            places.redis_server(),
            *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.data), "--daemonize", "no"),
            *("--save", "", "--appendonly", "yes" if self.durable else "no", "--appendfsync", "everysec"),
            # Its title would overwrite the environment by which `down` knows its own processes.
            *("--loglevel", "warning", "--set-proc-title", "no"),
            *self.options,
        ]

    def wait_ready(self, *, deadline: float) -> None:
        patience = {"socket_timeout": 1, "socket_connect_timeout": 1}
        client: redis.Redis = redis.Redis.from_url(self.address, **patience, **self.client)
        with client:
            poll("Redis to answer", lambda: bool(client.ping()), deadline=deadline)
