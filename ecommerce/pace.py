"""How often a consumer does what costs much by itself and little by message: a batch, saving how far it has read."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ecommerce.inputs import Position

_LONGEST_LINGER = 0.4
_CROWD = 8  # messages
_NOTHING: Mapping[Position, int] = {}


class Pace:
    """How long to wait for more messages when one is there: not at all, unless they come faster than they are taken.

    So they do when the last batch has only just ended and was more than one message. Then a consumer waits as long as
    that batch took, and up to four times as long the more it held: fewer, larger batches leave time to others and take
    less of it in all. The steps of a lone order, which follow each other as closely, wait for nothing.
    """

    def __init__(self) -> None:
        self.took = 0.0  # seconds
        self._ended = 0.0
        self._size = 0

    @contextmanager
    def batch(self, size: int) -> Iterator[None]:
        """Around each batch, of `size` messages."""
        started = time.monotonic()
        yield
        self._ended = time.monotonic()
        self.took = self._ended - started
        self._size = size

    def linger(self) -> float:
        """Seconds to wait for more."""
        if self._size < 2 or time.monotonic() - self._ended >= self.took:
            return 0.0
        return min(self.took * min(self._size, _CROWD) / 2, _LONGEST_LINGER)


class Pending:
    """Positions that are to be told somewhere, at most `every` so many seconds."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._positions: dict[Position, int] = {}
        self._due_at = 0.0

    def add(self, positions: Mapping[Position, int]) -> None:
        self._positions |= positions

    def due(self, also: Mapping[Position, int] = _NOTHING, *, now: bool = False) -> Mapping[Position, int]:
        """What is to be told now, and with it what is `also` known by then: all or nothing."""
        return {**self._positions, **also} if now or time.monotonic() >= self._due_at else {}

    def drop(self, told: Mapping[Position, int]) -> None:
        """What `due` gave has been told."""
        if told:
            self._positions = {each: offset for each, offset in self._positions.items() if told.get(each) != offset}
            self._due_at = time.monotonic() + self._every

    def forget(self, position: Position) -> None:
        """Nothing is to be told of this partition."""
        self._positions.pop(position, None)
