"""What need not be judged again: all that was, up to a time, and was found settled and right."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from ecommerce import storage
from ecommerce.engine import Engine

# A transaction's entries lie in the log where it began, and it lasts ten seconds at most.
MARGIN = timedelta(seconds=60)
_STRETCH = 10_000  # so many older entries in a row, and there is nothing younger behind them


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Every order to which nothing has happened since `since` is settled and right, but those of `open`.

    `oldest` is when the first of those began, or `since`; `whole_at` when all orders were judged for the last time.
    """

    since: datetime
    oldest: datetime
    open: list[str]
    whole_at: datetime


def changed(engine: Engine, since: datetime) -> Iterator[str]:
    """The keys of what the service has logged something about since then, with repetitions.

    The log is read backwards from its end: MongoDB keeps entries in the order in which they came, so no index is needed
    for their time.
    """
    older = 0
    for entry in engine.database[storage.EVENTS].find({}, {"taken_at": 1}).sort("$natural", -1):
        if entry["taken_at"] >= since:
            older = 0
            yield storage.key_of(entry)
        elif (older := older + 1) == _STRETCH:
            return
