"""Percentiles of samples."""

from collections.abc import Sequence
from math import ceil


def percentile(values: Sequence[float], percent: float) -> float:
    """By nearest rank: one of the `values`, of which at least `percent` % are no larger. NaN of nothing."""
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)] if ordered else float("nan")
