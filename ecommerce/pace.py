"""How often a consumer does what costs much by itself and little by message: a batch, saving how far it has read."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ecommerce.inputs import Position

_LONGEST_LINGER = 0.05
_LATELY = 0.5  # seconds after which what was is half forgotten, or less


class Pace:
    """How long to wait for more messages when one is there: not at all, unless one batch follows the other.

    A consumer that was busy more than half of the time lately waits as long as its last batch took, within a limit:
    fewer, larger batches leave time to others and take less of it in all. Waiting is not being busy, so it waits no
    oftener than it must.
    """

    def __init__(self) -> None:
        self.took = 0.0  # seconds, the last batch
        self._ended = time.monotonic()
        self._busy = self._span = 0.0  # seconds in batches, and in all, lately

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Around each batch."""
        started = time.monotonic()
        yield
        ended = time.monotonic()
        self.took, span = ended - started, ended - self._ended
        kept = max(0.0, 1 - span / _LATELY)
        self._busy, self._span = self._busy * kept + self.took, self._span * kept + span
        self._ended = ended

    def linger(self) -> float:
        """Seconds to wait for more."""
        return min(self.took, _LONGEST_LINGER) if self._busy > self._span / 2 else 0.0


class Pending:
    """Positions that are to be told somewhere, at most `every` so many seconds."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._positions: dict[Position, int] = {}
        self._due_at = 0.0

    def add(self, positions: Mapping[Position, int]) -> None:
        self._positions |= positions

    def due(self, *, now: bool = False) -> Mapping[Position, int]:
        """What is to be told now: all or nothing."""
        return dict(self._positions) if now or time.monotonic() >= self._due_at else {}

    def drop(self, told: Mapping[Position, int]) -> None:
        """What `due` gave has been told."""
        if told:
            self._positions = {each: offset for each, offset in self._positions.items() if told.get(each) != offset}
            self._due_at = time.monotonic() + self._every
