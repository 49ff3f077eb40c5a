"""What a chaos run found, as a table."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What one scenario did to the orders of one branch. `seconds` are from healing until the last one had ended."""

    scenario: str
    branch: str
    harm: str
    orders: int
    seconds: float
    audit: str


def table(cells: Sequence[Cell], seed: str) -> list[str]:
    """A line for each cell, and one for all."""
    width = max((len(f"{cell.scenario} × {cell.branch}") for cell in cells), default=0)
    lines = [
        f"{f'{cell.scenario} × {cell.branch}':<{width}}  {cell.orders:>4} orders  {cell.seconds:>5.1f} s  "
        f"{cell.audit}  seed {seed}  {cell.harm}"
        for cell in cells
    ]
    orders = sum(cell.orders for cell in cells)
    slowest = max((cell.seconds for cell in cells), default=0.0)
    return [*lines, f"{len(cells)} cells, {orders} orders, slowest to end {slowest:.1f} s, seed {seed}"]


def summary(cells: Sequence[Cell]) -> list[str]:
    """A line for each scenario, in Markdown."""
    scenarios = dict.fromkeys(cell.scenario for cell in cells)
    lines = ["| scenario | orders | all ended after (s) |", "|---|---:|---:|"]
    for scenario in scenarios:
        own = [cell for cell in cells if cell.scenario == scenario]
        lines.append(f"| {scenario} | {sum(cell.orders for cell in own)} | {max(cell.seconds for cell in own):.0f} |")
    return lines
