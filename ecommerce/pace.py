"""How often a consumer does what costs much by itself and little by message: a batch, saving how far it has read."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import exp
from operator import sub

from ecommerce.inputs import Position

_LONGEST_LINGER = 0.4  # seconds
_CROWD, _MANY = 2, 4  # messages
# Shares of the time in which a thread could run that it waits for a core: as with few orders under way, as in a crush.
_EASE, _CRUSH = 0.3, 0.65
_UNKNOWN = 0.5
_RECENT = 0.15  # the weight of one more batch in a mean
_FORGOTTEN_IN = 0.5  # seconds without a message, by two thirds
_NOTHING: Mapping[Position, int] = {}


class Pace:
    """How long to wait for more messages when one is there: not at all, unless cores are scarce and more will come.

    Fewer, larger batches take less of the cores in all. Where there is enough of them waiting is but delay; where there
    is not, everybody waits for everybody. How scarce they are tells the share of its batches in which this thread could
    run and had no core. So it finds its measure: the longer consumers wait for messages, the less they wait for cores.
    The steps of a lone order wait for nothing.
    """

    def __init__(self) -> None:
        self.took = 0.0  # seconds
        self._as_of = time.monotonic()
        self._size, self._waited = 0.0, _UNKNOWN  # means of late: a batch's messages, its share without a core

    @contextmanager
    def batch(self, size: int) -> Iterator[None]:
        """Around each batch, of `size` messages; of one thread, always the same."""
        started, before = time.monotonic(), core_seconds()
        yield
        self._as_of = time.monotonic()
        self.took = self._as_of - started
        self._size += _RECENT * (min(size, _MANY) - self._size)
        ran, waited = map(sub, core_seconds(), before)
        if ran + waited > 0:
            self._waited += _RECENT * (waited / (ran + waited) - self._waited)

    def linger(self) -> float:
        """Seconds to wait for more, now that a message has come. A crowd after which none came for a while is none."""
        now = time.monotonic()
        self._size *= exp((self._as_of - now) / _FORGOTTEN_IN)
        self._as_of = now
        if self._size < _CROWD:
            return 0.0
        scarcity = (self._waited - _EASE) / (_CRUSH - _EASE)
        return _LONGEST_LINGER * min(max(scarcity, 0.0), 1.0) ** 2


def core_seconds() -> tuple[float, float]:
    """For how long this thread has run, and for how long it could have and had no core; zeros but on Linux.

    https://docs.kernel.org/scheduler/sched-stats.html
    """
    try:
        with open("/proc/thread-self/schedstat", "rb", buffering=0) as file:
            ran, waited, _slices = map(int, file.read().split())
    except (OSError, ValueError):
        return 0.0, 0.0
    return ran / 1e9, waited / 1e9


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
