"""The floor, or the keeper, as it runs in a measurement: its processes, its databases and its topics."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from pymongo.collection import Collection

from ecommerce import kafka
from ecommerce.registry import engine
from ecommerce.topics import create_topics
from tests.load.bare import BATCH, TAKES, TOPIC_OF, Document, topics
from tests.load.child import output_of
from tests.load.floor import Feeder
from tests.load.keeper import HEARS, ROLES, KeepingFeeder
from tests.pipeline import sandbox_processes
from tests.processes import ProjectProcess, running
from tests.servers import RunningServer, Servers, started

SKUS = [f"SKU-{number:03}" for number in range(1, 21)]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Which bare programs: their module, their feeder, and by what a completed order of theirs is known."""

    module: str
    feeder: type[Feeder]
    entries: int  # of an order, in the collection `events` of orders' program
    completed: str  # an order's status
    states: Mapping[str, str] = field(default_factory=dict)  # role → its collection that has the pipeline's indexes
    asks: bool = False  # the outside parties


FLOOR = Kind(
    module="tests.load.floor",
    feeder=Feeder,
    entries=sum(service == "orders" for service in TOPIC_OF.values()),
    completed="OrderCompleted",
)
KEEPER = Kind(
    module="tests.load.keeper",
    feeder=KeepingFeeder,
    entries=1 + FLOOR.entries + len(HEARS["orders"]),  # the command that placed it is the first
    completed="COMPLETED",
    states={role: program.states for role, program in ROLES.items()},
    asks=True,
)


@dataclass
class Floor:
    """A running floor, of either kind. Orders that were `load`ed wait until it is `let_go`."""

    kind: Kind
    name: str
    processes: dict[str, RunningServer]
    feeder: Feeder
    arguments: list[str]
    orders: int = 0

    @property
    def topics(self) -> list[str]:
        return topics(self.name)

    def load(self, count: int) -> None:
        """Commits so many orders, without publishing them."""
        for start in range(0, count, BATCH):
            self.feeder.feed(min(BATCH, count - start), publish=False)
        self.orders += count

    def let_go(self) -> None:
        """Lets what was loaded be published."""
        os.kill(self.processes["orders"].pid, signal.SIGUSR1)

    def is_done(self) -> bool:
        """Whether all orders are completed. Not counted before the number of events says so, which MongoDB just knows.

        That number holds what is not committed yet, too.
        """
        counted = self.feeder.events.estimated_document_count()
        return counted >= self.orders * self.kind.entries and self.completed() >= self.orders

    def completed(self) -> int:
        return self.feeder.database["orders"].count_documents({"status": self.kind.completed})

    def place_steadily(self, rate: float, seconds: float) -> dict[str, float]:
        """Orders at `rate`, from a process of its own: order id → when it was due (epoch)."""
        feed = ["-m", self.kind.module, "feed", str(rate), str(seconds)]
        said = output_of(*feed, *self.arguments, seconds=seconds * 3 + 30)
        due_at = msgspec.json.decode(said, type=dict[str, float])
        self.orders += len(due_at)
        return due_at


@contextmanager
def running_floor(servers: Servers, folder: Path, name: str, kind: Kind = FLOOR) -> Iterator[Floor]:
    """Four programs that have their partitions, and who they ask; nothing of them is left afterwards."""
    arguments = [servers.mongo.uri, servers.kafka.brokers, name]
    admin = kafka.admin()
    create_topics(admin, {topic: {} for topic in topics(name)})
    feeder = kind.feeder(*arguments)
    feeder.stock_up(SKUS, 10**9)
    for role, states in kind.states.items():
        _copy_indexes(engine(role).database[states], feeder.client[f"{name}_{role}"][states])
    (folder / name).mkdir()
    programs = {role: _program(kind, role, arguments, folder / name / f"{role}.log") for role in TAKES}
    parties = {party.name: party for party in sandbox_processes(folder / name)} if kind.asks else {}
    processes = {each: running(process, folder / name) for each, process in (parties | programs).items()}
    try:
        with started(*processes.values()):
            yield Floor(kind, name, processes, feeder, arguments)
    finally:
        for role in TAKES:
            feeder.client.drop_database(f"{name}_{role}")
        feeder.close()
        for future in admin.delete_topics(topics(name)).values():
            future.result()


def _copy_indexes(source: Collection[Document], target: Collection[Document]) -> None:
    indexes = [index for index in source.list_indexes() if index["name"] != "_id_"]
    if indexes:
        target.database.command("createIndexes", target.name, indexes=indexes)


def _program(kind: Kind, role: str, arguments: list[str], log: Path) -> ProjectProcess:
    return ProjectProcess(
        name=log.stem, arguments=["-m", kind.module, role, *arguments], is_ready=lambda: "assigned" in log.read_text()
    )
