"""What processes cost: CPU time and memory, as the kernel counts them."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What happened on the machine in `seconds`: CPU seconds and peak memory in MB by process, CPU seconds of all."""

    seconds: float
    cpu: dict[str, float]
    peak_mb: dict[str, float]
    machine_cpu: float

    @property
    def busy(self) -> float:
        """The share of all cores that was busy, with whatever."""
        return self.machine_cpu / self.seconds / CORES

    @property
    def strangers(self) -> float:
        """The share of all cores that was busy with what is no part of the measurement."""
        return self.strangers_cpu / self.seconds / CORES

    @property
    def strangers_cpu(self) -> float:
        """What processes used that are no part of the measurement, the one that measures among them."""
        return max(0.0, self.machine_cpu - sum(self.cpu.values()))


class Meter:
    """Measures `pids` (by name) from its making to `read`."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        for pid in self._pids.values():
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak starts anew
        self._cpu = {name: _cpu_seconds(pid) for name, pid in self._pids.items()}
        self._machine = _machine_cpu()
        self._start = time.perf_counter()

    def read(self) -> Usage:
        """The usage until now. The processes must still be the same and running."""
        seconds = time.perf_counter() - self._start
        return Usage(
            seconds=seconds,
            cpu={name: _cpu_seconds(pid) - self._cpu[name] for name, pid in self._pids.items()},
            peak_mb={name: _peak_mb(pid) for name, pid in self._pids.items()},
            machine_cpu=_machine_cpu() - self._machine,
        )


def _cpu_seconds(pid: int) -> float:
    """Of the process, of its children that have ended, and of those that run."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = sum(int(ticks) for ticks in fields[11:15]) / _TICKS
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return own + sum(_cpu_seconds(child) for child in children)


def _peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def _machine_cpu() -> float:
    user, nice, system, _idle, _iowait, irq, softirq = Path("/proc/stat").read_text().split()[1:8]
    return sum(int(ticks) for ticks in (user, nice, system, irq, softirq)) / _TICKS
