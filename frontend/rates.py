"""How many a second, and how long each took, of the last moments."""

from collections import Counter, deque

RATE_SECONDS = 10
LATENCY_SECONDS = 60


class Rates:
    """Of things by name. Times are of one clock, in seconds, and never go back."""

    def __init__(self) -> None:
        self._seconds: deque[tuple[int, Counter[str]]] = deque()
        self._took: deque[tuple[float, float]] = deque()

    def count(self, name: str, now: float) -> None:
        """One more."""
        if not self._seconds or self._seconds[-1][0] != int(now):
            self._seconds.append((int(now), Counter()))
        self._seconds[-1][1][name] += 1

    def took(self, seconds: float, now: float) -> None:
        """One that took so long."""
        self._took.append((now, seconds))

    def a_second(self, now: float) -> dict[str, float]:
        """How many there were a second, by name, over the last whole seconds."""
        while self._seconds and self._seconds[0][0] < int(now) - RATE_SECONDS:
            self._seconds.popleft()
        whole = sum((counts for second, counts in self._seconds if second < int(now)), Counter[str]())
        return {name: count / RATE_SECONDS for name, count in whole.items()}

    def latencies(self, now: float) -> list[float]:
        """How long each took, in ascending order."""
        while self._took and self._took[0][0] < now - LATENCY_SECONDS:
            self._took.popleft()
        return sorted(seconds for _, seconds in self._took)
