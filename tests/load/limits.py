"""What stands in the way of twice the speed, computed from where the CPU time went."""

import statistics
from collections.abc import Iterator, Sequence

from tests.load.drain import Drain
from tests.load.machine import CORES

_SATURATED = 0.85  # of all cores, or of one core for a process with one busy thread


def mean_cost(drains: Sequence[Drain]) -> dict[str, float]:
    """CPU seconds per 1,000 sagas, by process."""
    return {name: statistics.fmean(drain.cost()[name] for drain in drains) for name in drains[0].cost()}


def limits(drains: Sequence[Drain]) -> Iterator[str]:
    """In plain words, of the pipeline's drains."""
    if not drains:
        return
    costs = mean_cost(drains)
    whole = sum(costs.values())
    busy = statistics.fmean(drain.usage.busy for drain in drains)
    strangers = statistics.fmean(drain.usage.strangers for drain in drains)
    rate = statistics.median(drain.rate for drain in drains)
    first, second = sorted(costs, key=costs.__getitem__, reverse=True)[:2]
    yield f"The {CORES} cores were {busy:.0%} busy, {strangers:.0%} with processes that are no part of the pipeline."
    yield (
        f"1,000 sagas cost {whole:.1f} CPU seconds: {CORES} cores to themselves could do {CORES * 1000 / whole:.0f} a "
        f"second at most; {rate:.0f} were done."
    )
    yield (
        f"The most goes to {first} ({costs[first] / whole:.0%}), then {second} ({costs[second] / whole:.0%}). "
        f"Were {first} free, the rest would allow {whole / (whole - costs[first]):.1f} times as much."
    )
    yield _verdict(busy, costs, rate, whole)


def _verdict(busy: float, costs: dict[str, float], rate: float, whole: float) -> str:
    cores = {name: cost * rate / 1000 for name, cost in costs.items()}
    full = [name for name, used in cores.items() if used >= _SATURATED and name not in ("mongod", "kafka")]
    if busy >= _SATURATED:
        return (
            f"The machine is saturated: twice the speed needs {whole / 2:.1f} CPU seconds per 1,000 sagas instead of "
            f"{whole:.1f}, or {CORES * 2} cores."
        )
    if full:
        return f"The machine is not saturated, but {', '.join(full)} uses a whole core: it needs more of them."
    top = max(cores, key=cores.__getitem__)
    return (
        f"Neither the machine nor a single process is saturated (the busiest, {top}, uses {cores[top]:.2f} of a core): "
        "the time goes into waiting, for commits and between steps."
    )
