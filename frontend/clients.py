"""What a client of the live view has still to be sent: never more than the latest of each order."""

import asyncio
from collections.abc import Iterable
from datetime import datetime

import msgspec

from ecommerce.http.rendering import encoded
from frontend.layer import Update

MOST_IN_A_FRAME = 500
_MOST_SHOWN = 2000  # orders of which the version that was sent is known


class Pending:
    """States of orders on their way to one client. An older one never follows a newer."""

    def __init__(self) -> None:
        self._orders: dict[str, Update] = {}
        self._shown: dict[str, int] = {}
        self._skipped = 0

    def __bool__(self) -> bool:
        return bool(self._orders)

    def add(self, update: Update) -> None:
        """Takes the place of an earlier state of the same order."""
        before = self._orders.get(update.order_id)
        if update.version <= max(self._shown.get(update.order_id, 0), before.version if before else 0):
            return
        self._skipped += before is not None
        self._orders[update.order_id] = update

    def start_over(self, shown: Iterable[Update]) -> None:
        """The client gets these instead of all it has."""
        self._shown = {each.order_id: each.version for each in shown}
        self._orders = {id: update for id, update in self._orders.items() if update.version > self._shown.get(id, 0)}

    def frame(self) -> str:
        """The next frame with what there is, the longest waiting first; what does not fit is for later ones."""
        taken = [self._orders.pop(id) for id in [*self._orders][:MOST_IN_A_FRAME]]
        skipped, self._skipped = self._skipped, 0
        for each in taken:
            self._shown.pop(each.order_id, None)
            self._shown[each.order_id] = each.version
        while len(self._shown) > _MOST_SHOWN:
            del self._shown[next(iter(self._shown))]
        if len(taken) == 1 and not skipped:
            return _frame("order.updated", order=msgspec.Raw(taken[0].data))
        return _frame("orders.updated", orders=[msgspec.Raw(each.data) for each in taken], skipped=skipped)


class Client:
    """One connection: whose orders it sees (None: everybody's), whether also the pipeline, and what is due to it."""

    def __init__(self, *, customer_id: str | None, sees_pipeline: bool) -> None:
        self.customer_id = customer_id
        self.sees_pipeline = sees_pipeline
        self.pending = Pending()
        self.wants_snapshot = True
        self.stats: bytes | None = None
        self.due = asyncio.Event()
        self.due.set()

    def update(self, update: Update) -> None:
        """Has it sent, soon."""
        self.pending.add(update)
        self._note()

    def renew(self) -> None:
        """Has everything sent anew: something may have been missed."""
        self.wants_snapshot = True
        self._note()

    def show(self, stats: bytes) -> None:
        """Has the pipeline's state sent, in the place of an earlier one."""
        self.stats = stats
        self._note()

    def _note(self) -> None:
        if self.wants_snapshot or self.stats or self.pending:
            self.due.set()
        else:
            self.due.clear()

    def next_frame(self) -> str | None:
        """What is to be sent next, but for a snapshot."""
        frame = None
        if self.stats is not None:
            frame, self.stats = '{"type":"pipeline.stats",' + self.stats[1:].decode(), None
        elif self.pending:
            frame = self.pending.frame()
        self._note()
        return frame


def snapshot(at: datetime, orders: Iterable[Update], pipeline: bytes | None) -> str:
    """The frame that a client starts with, or starts over."""
    shown = None if pipeline is None else msgspec.Raw(pipeline)
    return _frame("snapshot", at=at, orders=[msgspec.Raw(each.data) for each in orders], pipeline=shown)


def _frame(type: str, **members: object) -> str:
    return encoded({"type": type, **members}).decode()
