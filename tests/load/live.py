"""What it is to be watched: how long until each customer's WebSocket has the last state of their orders, and memory."""

import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO

import msgspec
from rest_framework_simplejwt.tokens import AccessToken

from deploy.local import places
from ecommerce import identity
from ecommerce.percentiles import percentile
from ecommerce.registry import engine
from tests import settings
from tests.load.running_pipeline import Pipeline, order
from tests.load.watchers import Seen

WITHIN = 2.0  # seconds that a client may be behind orders' database
_EVERY = 0.1  # seconds: orders that are due together are placed together
_HEAR_SECONDS = 5  # after the last commit; who has not heard by then is late
_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Live:
    """So many clients while orders were placed at `rate` a second.

    Milliseconds from the commit of an order's last state to its client; memory (MB) of the web process in the first and
    the last fifth of the time.
    """

    clients: int
    rate: float
    orders: int
    p50: float
    p99: float
    longest: float
    late: int  # orders whose client had their last state after `WITHIN`, or not at all
    first_mb: float
    last_mb: float


def allow_many_connections() -> None:
    """For this process and those that it starts from now on."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def live(pipeline: Pipeline, clients: int, rate: float, seconds: float) -> Live:
    """Each client is a customer with a connection; orders are those of the customers, in turn."""
    customers = [identity.derived_id("watcher", str(number)) for number in range(clients)]
    samples: list[float] = []
    for customer in customers:
        order(0, customer_id=customer)  # which makes their key, once
    with _watching(pipeline.folder / "tokens", customers) as (said, enough):
        with _sampled(pipeline.processes["web"].pid, samples):
            placed, took = _place_steadily(customers, rate, seconds)
        pipeline.settle()
        time.sleep(_HEAR_SECONDS)
        enough.close()
        seen = msgspec.json.decode(said.read(), type=Seen)
    return _judged(clients, len(placed) / took, placed, seen, samples)


def _judged(clients: int, rate: float, placed: Sequence[str], seen: Seen, samples: Sequence[float]) -> Live:
    found = engine("orders").database["orders"].find({"_id": {"$in": [*placed]}})
    behind = []
    for each in found:
        version, _, at = seen.get(each["_id"], (0, "", 0.0))
        behind.append(at - each["updated_at"].timestamp() if version == each["v"] else float("inf"))
    fifth = max(1, len(samples) // 5)
    return Live(
        clients=clients,
        rate=rate,
        orders=len(behind),
        p50=1000 * percentile(behind, 50),
        p99=1000 * percentile(behind, 99),
        longest=1000 * max(behind),
        late=sum(each > WITHIN for each in behind),
        first_mb=statistics.fmean(samples[:fifth]),
        last_mb=statistics.fmean(samples[-fifth:]),
    )


def _place_steadily(customers: Sequence[str], rate: float, seconds: float) -> tuple[list[str], float]:
    """Commits orders when they are due, whatever became of those before. Gives their ids, and how long it took."""
    placed: list[str] = []
    start = time.monotonic()
    while len(placed) < int(rate * seconds):
        due = range(len(placed), min(int(rate * seconds), int(rate * (time.monotonic() - start))))
        inputs = [order(number, customer_id=customers[number % len(customers)]) for number in due]
        if inputs:
            engine("orders").take(inputs)
        placed += [each.key for each in inputs]
        time.sleep(_EVERY)
    return placed, time.monotonic() - start


@contextmanager
def _watching(file: Path, customers: Sequence[str]) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """The output of a process whose clients have their snapshots, and its input, whose end ends it."""
    file.write_text("\n".join(map(_token, customers)))
    command = [sys.executable, "-m", "tests.load.watchers", str(settings.WEB_PORT), str(file)]
    process = subprocess.Popen(
        [sys.executable, "-S", "-E", str(places.TETHER), str(os.getpid()), *command],
        cwd=places.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"ready\n", "the clients did not all connect"
        yield process.stdout, process.stdin
    finally:
        process.kill()
        process.wait()


def _token(customer: str) -> str:
    token = AccessToken()
    token.set_exp(lifetime=_LIFETIME)
    token["sub"] = customer
    return str(token)


@contextmanager
def _sampled(pid: int, samples: list[float]) -> Iterator[None]:
    """Adds the process's memory (MB) to `samples`, once a second."""
    over = threading.Event()

    def sample() -> None:
        while not over.wait(1):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            samples.append(next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
