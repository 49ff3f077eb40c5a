"""How long messages wait for a consumer, as it sees it itself."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message

from ecommerce.storage import Document

WINDOW = 15.0  # seconds that a long wait is remembered: what is asked now and then must not miss it


class Lag:
    """From a message's producing until it was taken: the longest of late, also of those that are being taken now.

    Costs something a batch. One thread reports batches, others read.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._in_hand: float | None = None  # when the oldest of the batch in hand was produced
        self._taken: deque[tuple[float, float]] = deque()  # (when, how long), each longer than those after it

    @contextmanager
    def batch(self, messages: Sequence[Message]) -> Iterator[None]:
        """Around the taking of a batch. One that is given up counts no more: it is read again."""
        times = [time for kind, time in (each.timestamp() for each in messages) if kind != TIMESTAMP_NOT_AVAILABLE]
        self._in_hand = min(times) / 1000 if times else None
        try:
            yield
            if self._in_hand is not None:
                self._add(self._clock() - self._in_hand)
        finally:
            self._in_hand = None

    def describe(self) -> Document:
        """`lag_seconds`: the longest wait of the last `WINDOW` seconds, 0 where there was none."""
        now, in_hand = self._clock(), self._in_hand
        waits = [waited for at, waited in tuple(self._taken) if now - at < WINDOW]
        return {"lag_seconds": max([0.0, *waits, *([now - in_hand] if in_hand is not None else [])])}

    def _add(self, waited: float) -> None:
        now = self._clock()
        while self._taken and self._taken[-1][1] <= waited:
            self._taken.pop()
        while self._taken and now - self._taken[0][0] >= WINDOW:
            self._taken.popleft()
        self._taken.append((now, waited))
