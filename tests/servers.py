"""MongoDB, Kafka and Redis for tests: of their own, on free ports, in temporary folders, beside a running pipeline.

    with all_servers() as servers:
        servers.mongo.uri, servers.kafka.brokers, servers.redis.url
        servers.kafka.kill(); servers.kafka.start()

A server that a test has killed or paused is the same again after `start()` or `resume()`: same port, same data.
"""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from deploy.local import places
from deploy.local.servers import KafkaServer, MongoServer, NotReady, RedisServer, Server, new_cluster

START_SECONDS = 90
STOP_SECONDS = 20
_PREFIX = "ecommerce-test-"
_LAST_LINES = 20

# The bond of a child to its parent (see tether) is one to the thread that started it: this one lives until the end.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="servers")


@dataclass
class RunningServer:
    """A server as a process of the tests, which dies with them."""

    server: Server
    log: Path
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return self.server.address

    @property
    def pid(self) -> int:
        """Of the process that runs now, or ran last."""
        assert self._process, "it was never started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Starts the server, unless it runs, and returns when it is ready."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Starts the server, unless it runs, and does not wait."""
        if not self.running:
            self.server.prepare()
            self._process = _starter.submit(self._spawn).result()

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Returns when the server is ready; fails with its last lines when it has ended or `seconds` have passed."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.server.wait_ready(deadline=min(deadline, time.monotonic() + 1))
            except NotReady as error:
                if not self.running or time.monotonic() >= deadline:
                    raise AssertionError(f"{error}\n{self._last_lines()}") from error

    def stop(self) -> None:
        """As an operator stops it: SIGTERM, and SIGKILL if that takes too long."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As a crash stops it: SIGKILL."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Freezes it: connections stay, answers do not come."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Lets a paused server go on."""
        os.kill(self.pid, signal.SIGCONT)

    def _spawn(self) -> "subprocess.Popen[bytes]":
        tether = [sys.executable, "-S", "-E", str(places.TETHER), str(os.getpid())]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*tether, *self.server.command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.log.parent,
                start_new_session=True,  # a Ctrl-C at the tests is for pytest, which then cleans up
            )

    def _end(self, by: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(by)
        self._process.send_signal(signal.SIGCONT)  # a paused one would never see it
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_SECONDS)

    def _last_lines(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_LAST_LINES:])


class RunningMongo(RunningServer):
    @property
    def uri(self) -> str:
        return self.address


class RunningKafka(RunningServer):
    @property
    def brokers(self) -> str:
        """Of its own; the other nodes of a cluster have theirs."""
        return self.address


class RunningRedis(RunningServer):
    @property
    def url(self) -> str:
        return self.address


@dataclass(frozen=True, kw_only=True)
class Servers:
    """The nodes of MongoDB and Kafka, of which there is one each unless a cluster was asked for."""

    mongos: Sequence[RunningMongo]
    kafkas: Sequence[RunningKafka]
    redis: RunningRedis

    @property
    def mongo(self) -> RunningMongo:
        return self.mongos[0]

    @property
    def kafka(self) -> RunningKafka:
        return self.kafkas[0]


@contextlib.contextmanager
def mongo_server() -> Iterator[RunningMongo]:
    """A replica set of one node, with mongod's fail points enabled."""
    with _folder() as folder:
        (mongo,) = _mongos(folder)
        with started(mongo):
            yield mongo


@contextlib.contextmanager
def kafka_server() -> Iterator[RunningKafka]:
    """A broker without topics, which does not make any by itself."""
    with _folder() as folder:
        (kafka,) = _kafkas(folder)
        with started(kafka):
            yield kafka


@contextlib.contextmanager
def redis_server() -> Iterator[RunningRedis]:
    """An empty Redis, which forgets all at a restart."""
    with _folder() as folder:
        redis = _redis(folder)
        with started(redis):
            yield redis


@contextlib.contextmanager
def all_servers(
    *,
    mongo_ports: Sequence[int] = (),
    kafka_ports: Sequence[int] = (),
    redis_port: int | None = None,
    like_production: bool = False,
) -> Iterator[Servers]:
    """All three, started side by side; on ports chosen before, or free ones, with a node for each port.

    Tests start many and use them little; `like_production`, they are set up to be measured.
    """
    with _folder() as folder:
        servers = Servers(
            mongos=_mongos(folder, mongo_ports, like_production=like_production),
            kafkas=_kafkas(folder, kafka_ports, like_production=like_production),
            redis=_redis(folder, redis_port, like_production=like_production),
        )
        with started(*servers.mongos, *servers.kafkas, servers.redis):
            yield servers


PORTS, METRICS_PORTS = range(20_000, 30_000), range(10_000, 20_000)  # what must be there is not taken by what need not


def free_ports(count: int, *, among: range = PORTS) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on, below those that the kernel gives to outgoing connections."""
    with contextlib.ExitStack() as open_ones:
        ports: list[int] = []
        while len(ports) < count:
            listener = open_ones.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                listener.bind(("127.0.0.1", _chance().choice(among)))
                ports.append(listener.getsockname()[1])
        return ports


@cache
def _chance() -> random.Random:
    return random.Random(os.urandom(8))  # tests seed the shared one: two runs at once would pick the same ports


def _mongos(folder: Path, ports: Sequence[int] = (), *, like_production: bool = False) -> list[RunningMongo]:
    members = tuple(ports) or tuple(free_ports(1))
    return [
        RunningMongo(
            MongoServer(
                port=port,
                members=members,
                data=folder / f"mongo-{port}",
                cache_gb=1 if like_production else 0.25,
                oplog_mb=2048 if like_production else 256,
                fail_points=not like_production,
                # What has expired is looked for each second, not each minute.
                options=() if like_production else ("--setParameter", "ttlMonitorSleepSecs=1"),
            ),
            folder / f"mongo-{port}.log",
        )
        for port in members
    ]


def _kafkas(folder: Path, ports: Sequence[int] = (), *, like_production: bool = False) -> list[RunningKafka]:
    brokers = tuple(ports) or tuple(free_ports(1))
    controllers, cluster = tuple(free_ports(len(brokers))), new_cluster()
    return [
        RunningKafka(
            KafkaServer(
                port=port,
                controller_port=controller,
                controllers=controllers,
                cluster=cluster,
                node=node,
                data=folder / f"kafka-{node}",
                heap_mb=512 if like_production else 384,
                quick_start=not like_production,
            ),
            folder / f"kafka-{node}.log",
        )
        for node, (port, controller) in enumerate(zip(brokers, controllers, strict=True), start=1)
    ]


def _redis(folder: Path, port: int | None = None, *, like_production: bool = False) -> RunningRedis:
    server = RedisServer(port=port or free_ports(1)[0], data=folder / "redis", durable=like_production)
    return RunningRedis(server, folder / "redis.log")


@contextlib.contextmanager
def started(*servers: RunningServer) -> Iterator[None]:
    """All of these, started side by side and stopped after."""
    try:
        with ThreadPoolExecutor(max_workers=len(servers)) as threads:  # which ends when none is being started any more
            list(threads.map(RunningServer.start, servers))
        yield
    finally:
        stop_all(servers)


def stop_all(servers: Collection[RunningServer]) -> None:
    """Stops them side by side: some take seconds."""
    if servers:
        with ThreadPoolExecutor(max_workers=len(servers)) as threads:
            list(threads.map(RunningServer.stop, servers))


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    _sweep()
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _sweep() -> None:
    """Removes the folders of test runs that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(folder, ignore_errors=True)
