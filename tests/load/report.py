"""The report as text: what was measured, the ratios, the guarantees it was measured under, and what limits it."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from tests.load.bench import Results
from tests.load.drain import Drain
from tests.load.figures import spread
from tests.load.latency import Latency
from tests.load.limits import limits, mean_cost
from tests.load.live import WITHIN, Live

Rows = Iterable[Sequence[object]]


def text(results: Results) -> str:
    """The whole report."""
    sections = {
        "Drain: orders committed before, until all are COMPLETED": _drains(results),
        "Drain by bare drivers that keep what the pipeline keeps (tests/load/keeper.py)": _kept(results),
        "CPU seconds per 1,000 sagas (mean) and peak memory (MB)": _costs(results),
        "Latency: order due → OrderCompleted handed to Kafka (ms)": _latencies(results),
        "CPU ms an order at a steady rate (mean)": _steady_costs(results),
        "Where the pipeline's time goes (mean ms, share)": _hops(results),
        "Intake: POST /api/v1/orders, the whole pipeline running": _intakes(results),
        "Growth: drains with finished orders already there": _by(results.by_size, "orders there"),
        "Consumers a service (inventory has one writer)": _by(results.by_consumers, "consumers"),
        "Live view: commit of an order's last state → its client (ms)": _watched(results.watched),
        "Lists: a page (ms, median)": _pages(results.pages_by_size),
        "What limits the next factor of two": limits(results.pipeline_drains),
        "Guarantees in force": [f"{name:<40} {value}" for name, value in results.guarantees.items()],
        "Audit and rebuild": results.proofs,
    }
    return "\n".join(line for title, lines in sections.items() for line in _section(title, list(lines)))


def _pages(by_size: Mapping[int, Mapping[str, float]]) -> Iterator[str]:
    if by_size:
        first, *_, last = [*by_size.values(), *by_size.values()]
        head = ["", *(f"{size:,} orders" for size in by_size), "last ÷ first"]
        rows = [
            (name, *(f"{measured[name]:.1f}" for measured in by_size.values()), f"{last[name] / first[name]:.2f}")
            for name in first
        ]
        yield from _table(head, rows)


def _watched(runs: Sequence[Live]) -> Iterator[str]:
    head = [
        "clients",
        "orders/s",
        "orders",
        "p50",
        "p99",
        "longest",
        f"after {WITHIN:g} s",
        "web MB, first → last",
    ]
    rows = [
        (
            *(f"{run.clients:,}", f"{run.rate:.0f}", f"{run.orders:,}", f"{run.p50:.0f}", f"{run.p99:.0f}"),
            *(f"{run.longest:.0f}", run.late, f"{run.first_mb:.0f} → {run.last_mb:.0f}"),
        )
        for run in runs
    ]
    if rows:
        yield from _table(head, rows)


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield from (title, "-" * len(title), *lines, "")


def _table(head: Sequence[str], rows: Rows) -> Iterator[str]:
    cells = [[*head], *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        first, *others = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join([first, *(cell.strip().rjust(width) for cell, width in zip(others, widths[1:], strict=True))])


def _of(measured: Iterable[Any], what: str) -> str:
    return str(spread([attrgetter(what)(each) for each in measured]))


def _drains(results: Results) -> Iterator[str]:
    floors, pipelines = results.floor_drains, results.pipeline_drains
    ratios = [pipeline.rate / floor.rate for floor, pipeline in zip(floors, pipelines, strict=True)]
    rows = [
        ("sagas/s", _of(floors, "rate"), _of(pipelines, "rate"), spread(ratios)),
        ("seconds", _of(floors, "usage.seconds"), _of(pipelines, "usage.seconds"), ""),
    ]
    head = [f"{results.plan.orders:,} orders × {results.plan.repeat}", "floor", "pipeline", "pipeline ÷ floor"]
    yield from _table(head, rows)
    pairs = zip(floors, pipelines, ratios, strict=True)
    yield "pair by pair: " + ", ".join(
        f"{floor.rate:.0f} {pipe.rate:.0f} = {ratio:.2f}" for floor, pipe, ratio in pairs
    )


def _kept(results: Results) -> Iterator[str]:
    keepers = results.keeper_drains
    if not keepers:
        return
    floors, pipelines = results.floor_drains, results.pipeline_drains
    of_floor = [keeper.rate / floor.rate for floor, keeper in zip(floors, keepers, strict=True)]
    of_keeper = [pipeline.rate / keeper.rate for keeper, pipeline in zip(keepers, pipelines, strict=True)]
    yield from _table(
        ["", "sagas/s", "keeper ÷ floor", "pipeline ÷ keeper"],
        [("keeper", _of(keepers, "rate"), spread(of_floor), spread(of_keeper))],
    )


def _costs(results: Results) -> Iterator[str]:
    subjects = {"floor": results.floor_drains, "keeper": results.keeper_drains, "pipeline": results.pipeline_drains}
    for name, drains in subjects.items():
        if not drains:
            continue
        costs, peaks = mean_cost(drains), _peaks(drains)
        whole = sum(costs.values())
        rows = [
            (process, f"{cost:.2f}", f"{cost / whole:.0%}", f"{peaks[process]:.0f}")
            for process, cost in sorted(costs.items(), key=lambda each: -each[1])
        ]
        yield from _table(
            [name, "CPU s", "share", "MB"], [*rows, ("together", f"{whole:.2f}", "", f"{sum(peaks.values()):.0f}")]
        )
        yield ""


def _peaks(drains: Sequence[Drain]) -> Mapping[str, float]:
    return {name: max(drain.usage.peak_mb[name] for drain in drains) for name in drains[0].usage.peak_mb}


def _latencies(results: Results) -> Iterator[str]:
    rows: list[Sequence[object]] = []
    for rate, pipelines in results.pipeline_latencies.items():
        floors = results.floor_latencies.get(rate, [])
        rows += [(f"{rate:g}/s floor", *_percentiles(floors), "", "", *_business(floors))] if floors else []
        answered = (_of(pipelines, "post_p50"), _of(pipelines, "post_p99"))
        rows.append((f"{rate:g}/s pipeline", *_percentiles(pipelines), *answered, *_business(pipelines)))
        if floors:
            ratios = [
                spread([getattr(p, what) / getattr(f, what) for f, p in zip(floors, pipelines, strict=True)])
                for what in ("p50", "p95", "p99")
            ]
            rows.append(("  pipeline ÷ floor", *ratios, *[""] * 4))
    yield from _table(["", "p50", "p95", "p99", "POST p50", "POST p99", "cores busy", "by others"], rows)


def _percentiles(latencies: Sequence[Latency]) -> list[str]:
    return [_of(latencies, what) for what in ("p50", "p95", "p99")]


def _business(latencies: Sequence[Latency]) -> list[str]:
    return [f"{statistics.fmean(getattr(run.usage, what) for run in latencies):.0%}" for what in ("busy", "strangers")]


def _steady_costs(results: Results) -> Iterator[str]:
    for name, by_rate in (("floor", results.floor_latencies), ("pipeline", results.pipeline_latencies)):
        costs = {f"{rate:g}/s": _cost_an_order(runs) for rate, runs in by_rate.items()}
        together = {rate: sum(cost.values()) for rate, cost in costs.items()}
        first = next(iter(costs.values()))
        rows = [
            (process, *(f"{cost[process]:.1f}" for cost in costs.values()))
            for process in sorted(first, key=first.__getitem__, reverse=True)
        ]
        yield from _table([name, *costs], [*rows, ("together", *(f"{cost:.1f}" for cost in together.values()))])
        yield ""


def _cost_an_order(runs: Sequence[Latency]) -> dict[str, float]:
    return {
        process: statistics.fmean(run.usage.cpu[process] * 1000 / run.orders for run in runs)
        for process in runs[0].usage.cpu
    }


def _hops(results: Results) -> Iterator[str]:
    rates = results.pipeline_latencies
    names = next(iter(rates.values()))[0].hops if rates else ()
    means = {
        rate: {name: statistics.fmean(run.hops[name] for run in runs) for name in names} for rate, runs in rates.items()
    }
    rows = [
        (name, *(f"{mean[name]:.0f}  {mean[name] / sum(mean.values()):4.0%}" for mean in means.values()))
        for name in names
    ]
    yield from _table(["", *(f"{rate:g}/s" for rate in rates)], rows)


def _intakes(results: Results) -> Iterator[str]:
    rows = [
        (count, *(_of(runs, what) for what in ("rate", "p50_ms", "p99_ms"))) for count, runs in results.intakes.items()
    ]
    yield from _table(["clients", "orders/s", "p50 ms", "p99 ms"], rows)


def _by(drains: Mapping[int, Sequence[Drain]], head: str) -> Iterator[str]:
    rows = [
        (f"{number:,}", _of(runs, "rate"), f"{sum(mean_cost(runs).values()):.2f}", f"{mean_cost(runs)['mongod']:.2f}")
        for number, runs in drains.items()
    ]
    if rows:
        yield from _table([head, "sagas/s", "CPU s per 1,000", "of it mongod"], rows)
