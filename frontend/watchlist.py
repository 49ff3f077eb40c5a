"""Which orders are to be looked at again, and when.

An event tells that an order may have changed; orders itself may take the event after it was seen here. So an order is
looked at until orders has taken all that was seen of it, with pauses that grow, and as long as messages about it are
set aside.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

MOST = 50_000  # orders
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0  # seconds
UNREADABLE = ""  # stands for a message that orders will set aside


@dataclass(slots=True)
class Watched:
    """An order: `missing` are the events that orders had not taken, `version` was the last that was told."""

    due: float
    missing: set[str] = field(default_factory=set)
    version: int = 0
    pause: float = _FIRST_PAUSE
    completed_at: datetime | None = None


class Watchlist:
    """At most `MOST` orders; of more, those that have waited longest are given up."""

    def __init__(self) -> None:
        self._orders: dict[str, Watched] = {}
        self.given_up = 0

    def __len__(self) -> int:
        return len(self._orders)

    def touch(self, order_id: str, event_id: str | None, now: float) -> Watched:
        """Has an order looked at now, until orders has taken the event; without one, once at least."""
        watched = self._orders.get(order_id)
        if watched is None:
            while len(self._orders) >= MOST:
                del self._orders[next(iter(self._orders))]
                self.given_up += 1
            watched = self._orders[order_id] = Watched(now)
        watched.due, watched.pause = now, _FIRST_PAUSE
        if event_id is not None:
            watched.missing.add(event_id)
        return watched

    def due(self, now: float, *, most: int) -> dict[str, Watched]:
        """Those to look at now."""
        found: dict[str, Watched] = {}
        for order_id, watched in self._orders.items():
            if watched.due <= now:
                found[order_id] = watched
                if len(found) == most:
                    break
        return found

    def looked(self, order_id: str, taken: Iterable[str], *, held: bool, now: float) -> None:
        """Orders has taken these; `held` while messages about the order are set aside."""
        watched = self._orders[order_id]
        watched.missing.difference_update(taken)
        if held:
            watched.missing.discard(UNREADABLE)
        if not watched.missing and not held:
            del self._orders[order_id]
        else:
            self.postpone(watched, now)

    def postpone(self, watched: Watched, now: float) -> None:
        """Another look after a pause, which is longer each time."""
        watched.due = now + watched.pause
        watched.pause = min(_LONGEST_PAUSE, 2 * watched.pause)
