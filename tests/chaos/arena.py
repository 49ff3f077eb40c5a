"""The pipeline under attack: its processes and servers, which can be killed, frozen, doubled and armed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from django.core.management import call_command

from ecommerce.demo import Placed, Shop
from ecommerce.registry import engine
from inventory.messages import AdjustStock
from tests.chaos.report import Cell
from tests.pipeline import pipeline_processes, start_empty
from tests.processes import ProjectProcess, running
from tests.servers import RunningServer, Servers, stop_all

DEADLINE_SECONDS = 120


@dataclass(frozen=True)
class Fuse:
    """An armed process."""

    process: RunningServer
    fired: Path

    def has_gone_off(self) -> bool:
        """Whether it has reached its kill point, and died of it."""
        return self.fired.exists() and not self.process.running


@dataclass
class Arena:
    """The whole pipeline, which stays up from scenario to scenario."""

    servers: Servers
    shop: Shop
    folder: Path
    processes: dict[str, RunningServer] = field(default_factory=dict)
    silent: list[Placed] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    _fuses: int = 0

    def start(self) -> None:
        """Everything from empty databases, with the demo's users and products and stock for all that is ordered."""
        start_empty(self.servers)
        wanted = pipeline_processes(self.folder, deadline_seconds=DEADLINE_SECONDS)
        self.processes = {process.name: running(process, self.folder) for process in wanted}
        self.heal()
        call_command("seed", verbosity=0)
        inventory = engine("inventory")
        for sku in ("SKU-001", "SKU-002", "SKU-003"):
            inventory.execute(AdjustStock(sku=sku, delta=100_000, reason="chaos", by="tests"), id=f"chaos {sku}")

    def heal(self) -> None:
        """Starts what does not run, and returns when all is ready."""
        for process in self.processes.values():
            process.launch()
        for process in self.processes.values():
            process.wait_ready()

    def stop(self) -> None:
        stop_all(self.processes.values())

    @contextmanager
    def armed(self, name: str, kill_point: str, *, after: int) -> Iterator[Fuse]:
        """Restarts a process so that it kills itself there; afterwards starts it again as it was."""
        process = self.processes[name]
        assert isinstance(process.server, ProjectProcess)
        process.stop()
        try:
            with self.killing(process.server, kill_point, after=after) as fuse:
                fuse.process.launch()
                yield fuse
        finally:
            process.start()

    @contextmanager
    def killing(self, program: ProjectProcess, kill_point: str, *, after: int) -> Iterator[Fuse]:
        """The program, not started yet, as a process that kills itself there."""
        self._fuses += 1
        fired = self.folder / f"fired-{self._fuses}"
        kill = {"KILL_POINT": kill_point, "KILL_POINT_AFTER": str(after), "KILL_POINT_FILE": str(fired)}
        process = running(replace(program, env={**program.env, **kill}), self.folder)
        try:
            yield Fuse(process, fired)
        finally:
            process.stop()

    @contextmanager
    def another(self, name: str, label: str = "2") -> Iterator[RunningServer]:
        """A second process like this one, as long as it lasts. Not started yet."""
        original = self.processes[name].server
        assert isinstance(original, ProjectProcess)
        beat = self.folder / "beat"
        own = {f"{name}@tests": f"{name}-{label}@tests", str(beat): f"{beat}-{label}"}
        arguments = [own.get(argument, argument) for argument in original.arguments]
        second = running(replace(original, name=f"{name}-{label}", arguments=arguments), self.folder)
        try:
            yield second
        finally:
            second.stop()
