"""Which orders are to be looked at again, and when.

An event of orders tells that an order has changed. One of another service tells that it will: orders takes the event
itself, at about the time when it is seen here. So an order is looked at a moment later, and until orders has taken all
that was seen of it, with pauses that grow, and as long as messages about it are set aside.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from heapq import nsmallest
from math import inf

MOST = 50_000  # orders
SOON, LATER = 0.05, 3.0  # seconds; in the first, orders has mostly taken an event
_LONGEST_PAUSE = 5.0
UNREADABLE = ""  # stands for a message that orders will set aside


@dataclass(slots=True)
class Watched:
    """An order: `missing` are the events that orders had not taken, `version` was the last that was told."""

    due: float
    missing: set[str] = field(default_factory=set)
    version: int = 0
    pause: float = SOON
    completed_at: datetime | None = None


class Watchlist:
    """At most `MOST` orders; of more, those that have waited longest are given up."""

    def __init__(self) -> None:
        self._orders: dict[str, Watched] = {}
        self._first_pause = SOON
        self.given_up = 0

    def __len__(self) -> int:
        return len(self._orders)

    def touch(self, order_id: str, event_id: str | None, now: float) -> Watched:
        """Has an order looked at soon, until orders has taken the event; without one first of all, once at least."""
        watched = self._orders.get(order_id)
        if watched is None:
            while len(self._orders) >= MOST:
                del self._orders[next(iter(self._orders))]
                self.given_up += 1
            watched = self._orders[order_id] = Watched(inf)
        watched.pause = self._first_pause
        if event_id is None:
            watched.due = -inf  # before those that may not have changed
        else:
            watched.due = min(watched.due, now + self._first_pause)
            watched.missing.add(event_id)
        return watched

    def hurry(self, now: float) -> None:
        """Those that come are looked at soon, and those that are here now."""
        self._first_pause = SOON
        for watched in self._orders.values():
            watched.due, watched.pause = min(watched.due, now), SOON

    def relax(self) -> None:
        """Those that come are looked at when orders has surely taken what is seen of them, and of each more at once."""
        self._first_pause = LATER

    def due(self, now: float, *, most: int) -> dict[str, Watched]:
        """Those to look at now; of more than `most`, those that are due for longest."""
        found = [(order_id, watched) for order_id, watched in self._orders.items() if watched.due <= now]
        if len(found) > most:
            found = nsmallest(most, found, key=lambda each: each[1].due)
        return dict(found)

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
