"""Many schedules, on all processors; and of the first that fails, the short story of how."""

import os
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

from tests.simulation.schedules import Schedule, from_seed, shrink
from tests.simulation.world import World

_AT_ONCE = 250


class Run(NamedTuple):
    """What some seeds have met, and the first of them that failed."""

    met: Counter[str]
    failed: int | None


def run(*, first: int, count: int) -> Run:
    """Runs the schedules of `count` seeds from `first` on, until one fails."""
    parts = [(start, min(_AT_ONCE, first + count - start)) for start in range(first, first + count, _AT_ONCE)]
    met: Counter[str] = Counter()
    with ProcessPoolExecutor(min(len(parts), os.cpu_count() or 1), mp_context=get_context("spawn")) as processes:
        for part in processes.map(run_here, *zip(*parts, strict=True)):
            met += part.met
            if part.failed is not None:
                processes.shutdown(cancel_futures=True)
                return Run(met, part.failed)
    return Run(met, None)


def run_here(first: int, count: int, world: Callable[[], World] = World) -> Run:
    """As `run`, in this process and in any `world`."""
    met: Counter[str] = Counter()
    for seed in range(first, first + count):
        try:
            met += world().run(from_seed(seed))
        except Exception:
            return Run(met, seed)
    return Run(met, None)


def story_of(seed: int) -> str:
    """What happens in a schedule that fails, cut down to the steps that it takes, and how to see it again."""
    schedule = shrink(from_seed(seed), fails_in(World))
    trace: list[str] = []
    try:
        World(trace=trace).run(schedule)
    except Exception:
        trace.append(traceback.format_exc(limit=-3))
    again = f"SIMULATION_SEED={seed} SIMULATION_SCHEDULES=1 pytest tests/simulation"
    return "\n".join([f"seed {seed}, cut down to {len(schedule)} steps:", *trace, f"To see it again: {again}"])


def fails_in(world: Callable[[], World]) -> Callable[[Schedule], bool]:
    """Whether a schedule breaks a promise in such a world."""

    def fails(schedule: Schedule) -> bool:
        try:
            world().run(schedule)
        except Exception:
            return True
        return False

    return fails
