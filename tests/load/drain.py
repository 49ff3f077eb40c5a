"""How fast, and at what cost, orders that are already committed become completed."""

import time
from dataclasses import dataclass
from typing import Protocol

from tests.load.machine import Meter, Usage
from tests.servers import RunningServer, Servers

_PATIENCE = 1200  # seconds


class Subject(Protocol):
    """What can be drained: the floor or the pipeline."""

    @property
    def processes(self) -> dict[str, RunningServer]: ...

    def load(self, count: int) -> None: ...

    def let_go(self) -> None: ...

    def is_done(self) -> bool: ...

    def completed(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class Drain:
    """One drain of `orders` orders."""

    orders: int
    usage: Usage

    @property
    def rate(self) -> float:
        """Sagas a second."""
        return self.orders / self.usage.seconds

    def cost(self) -> dict[str, float]:
        """CPU seconds per 1,000 sagas, by process."""
        return {name: seconds * 1000 / self.orders for name, seconds in self.usage.cpu.items()}


def drain(subject: Subject, servers: Servers, orders: int) -> Drain:
    """Commits `orders` orders while nothing takes them on, then measures until all of them are completed."""
    before = subject.completed()
    subject.load(orders)
    meter = Meter(pids_of(subject, servers))
    subject.let_go()
    deadline = time.monotonic() + _PATIENCE
    while not subject.is_done():
        assert time.monotonic() < deadline, f"{subject.completed() - before} of {orders} orders are completed"
        time.sleep(0.25)  # each look reads what MongoDB has still to clear away of the index: more would be seen
    usage = meter.read()
    completed = subject.completed() - before
    assert completed == orders, f"{completed} of {orders} orders are completed"
    return Drain(orders=orders, usage=usage)


def pids_of(subject: Subject, servers: Servers) -> dict[str, int]:
    """Every process that takes part, by name."""
    shared = {"mongod": servers.mongo.pid, "kafka": servers.kafka.pid, "redis": servers.redis.pid}
    return {name: process.pid for name, process in subject.processes.items()} | shared
