"""Numbers out of samples: small ones, so by their definitions."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """What repeated measurements of one thing gave."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def __str__(self) -> str:
        places = 2 if abs(self.median) < 10 else 0
        middle = f"{self.median:,.{places}f}"
        if len(self.values) == 1:
            return middle
        return f"{middle} ({min(self.values):,.{places}f}–{max(self.values):,.{places}f})"


def spread(values: Sequence[float]) -> Spread:
    """The spread of `values`."""
    return Spread(tuple(values))
