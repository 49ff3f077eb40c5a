"""The rows of the report, measured: floor and pipeline in turn, on the same servers."""

import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from tests.load.drain import Drain, drain
from tests.load.growth import prefill
from tests.load.guarantees import guarantees
from tests.load.intake import Intake, intake
from tests.load.latency import Latency, floor_latency, pipeline_latency
from tests.load.live import Live, allow_many_connections, live
from tests.load.pages import fill, pages
from tests.load.running_floor import KEEPER, running_floor
from tests.load.running_pipeline import Pipeline, running_pipeline
from tests.pipeline import start_empty
from tests.servers import Servers

_WARM_UP = 300  # orders: interpreters, connections and Kafka's compiler


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to measure. Each pair of floor and pipeline is measured `repeat` times."""

    orders: int
    repeat: int
    seconds: float
    keeper: bool = False  # drain the floor that keeps as much as the pipeline, too
    floor_rates: tuple[float, ...] = (10, 50)
    pipeline_rates: tuple[float, ...] = (10, 50, 100)
    clients: tuple[int, ...] = (1, 8, 32)
    sizes: tuple[int, ...] = ()  # orders that are already there
    page_sizes: tuple[int, ...] = ()  # orders of which lists show a page
    consumers: tuple[int, ...] = ()
    watchers: int = 0  # clients of the live view
    watched_rate: float = 100
    watched_seconds: float = 60
    small_orders: int = 2000  # of a drain that compares sizes or numbers of consumers
    small_repeat: int = 1


@dataclass(frozen=True, kw_only=True)
class Results:
    """Every measurement, in the order in which they were made."""

    plan: Plan
    floor_drains: list[Drain] = field(default_factory=list)
    pipeline_drains: list[Drain] = field(default_factory=list)
    keeper_drains: list[Drain] = field(default_factory=list)
    floor_latencies: dict[float, list[Latency]] = field(default_factory=lambda: defaultdict(list))
    pipeline_latencies: dict[float, list[Latency]] = field(default_factory=lambda: defaultdict(list))
    intakes: dict[int, list[Intake]] = field(default_factory=lambda: defaultdict(list))
    by_size: dict[int, list[Drain]] = field(default_factory=lambda: defaultdict(list))
    pages_by_size: dict[int, dict[str, float]] = field(default_factory=dict)
    by_consumers: dict[int, list[Drain]] = field(default_factory=lambda: defaultdict(list))
    watched: list[Live] = field(default_factory=list)
    guarantees: dict[str, str] = field(default_factory=dict)
    proofs: list[str] = field(default_factory=list)


class Bench:
    """Measures by a plan. `folder` gets the logs and ledgers of what runs."""

    def __init__(self, plan: Plan, servers: Servers, folder: Path) -> None:
        self.results = Results(plan=plan)
        self._plan, self._servers, self._folder = plan, servers, folder
        self._start = time.monotonic()

    def run(self) -> Results:
        """All rows."""
        if self._plan.watchers:
            allow_many_connections()
        for number in range(1, self._plan.repeat + 1):
            self._floor(number)
            if self._plan.keeper:
                self._keeper(number)
            self._pipeline(number)
        if self._plan.sizes:
            self._sizes()
        for count in self._plan.consumers:
            self._consumers(count)
        if self._plan.page_sizes:
            self._pages()
        self._say("done")
        return self.results

    def _floor(self, number: int) -> None:
        self._say(f"floor, run {number}")
        with running_floor(self._servers, self._folder, f"floor{number}") as floor:
            drain(floor, self._servers, _WARM_UP)
            self.results.floor_drains.append(drain(floor, self._servers, self._plan.orders))
            for rate in self._plan.floor_rates:
                self.results.floor_latencies[rate].append(floor_latency(floor, self._servers, rate, self._plan.seconds))

    def _keeper(self, number: int) -> None:
        self._say(f"keeper, run {number}")
        with running_floor(self._servers, self._folder, f"keeper{number}", KEEPER) as keeper:
            drain(keeper, self._servers, _WARM_UP)
            self.results.keeper_drains.append(drain(keeper, self._servers, self._plan.orders))

    def _pipeline(self, number: int) -> None:
        self._say(f"pipeline, run {number}: starts")
        with running_pipeline(self._servers, self._folder / f"pipeline{number}") as pipeline:
            drain(pipeline, self._servers, _WARM_UP)
            self._say(f"pipeline, run {number}: drain")
            self.results.pipeline_drains.append(drain(pipeline, self._servers, self._plan.orders))
            for rate in self._plan.pipeline_rates:
                self._say(f"pipeline, run {number}: {rate:g} orders/s")
                self.results.pipeline_latencies[rate].append(
                    pipeline_latency(pipeline, self._servers, rate, self._plan.seconds)
                )
            for clients in self._plan.clients:
                self._say(f"pipeline, run {number}: {clients} clients")
                self.results.intakes[clients].append(intake(clients, self._plan.seconds / 3))
                pipeline.settle()
            if number == 1:
                self.results.guarantees.update(guarantees())
            if self._plan.watchers and number == self._plan.repeat:
                self._live(pipeline)
            self._prove(pipeline, f"run {number}")

    def _sizes(self) -> None:
        with running_pipeline(self._servers, self._folder / "sizes") as pipeline:
            drain(pipeline, self._servers, _WARM_UP)
            for size in self._plan.sizes:
                self._say(f"{size:,} finished orders")
                prefill(pipeline, size)
                self.results.by_size[size] += self._small_drains(pipeline)
            self._prove(pipeline, f"{self._plan.sizes[-1]:,} orders, but the topics", topics=False)

    def _pages(self) -> None:
        start_empty(self._servers)
        for size in self._plan.page_sizes:
            self._say(f"pages of {size:,} orders")
            fill(size)
            self.results.pages_by_size[size] = pages()

    def _consumers(self, count: int) -> None:
        self._say(f"{count} consumers a service")
        with running_pipeline(self._servers, self._folder / f"consumers{count}", consumers=count) as pipeline:
            drain(pipeline, self._servers, _WARM_UP)
            self.results.by_consumers[count] += self._small_drains(pipeline)
            self._prove(pipeline, f"{count} consumers")

    def _live(self, pipeline: Pipeline) -> None:
        plan = self._plan
        self._say(f"{plan.watchers:,} clients of the live view, {plan.watched_rate:g} orders/s")
        self.results.watched.append(live(pipeline, plan.watchers, plan.watched_rate, plan.watched_seconds))

    def _small_drains(self, pipeline: Pipeline) -> list[Drain]:
        return [drain(pipeline, self._servers, self._plan.small_orders) for _ in range(self._plan.small_repeat)]

    def _prove(self, pipeline: Pipeline, what: str, *, topics: bool = True) -> None:
        self._say(f"audit and rebuild after {what}")
        self.results.proofs.append(f"{what}: " + "; ".join(pipeline.prove(topics=topics)))

    def _say(self, what: str) -> None:
        print(f"{time.monotonic() - self._start:6.0f} s  {what}", file=sys.stderr, flush=True)
