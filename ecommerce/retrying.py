"""When a call outside is made again, and when it is not."""

import itertools
import math
import random
import threading
import time
from collections.abc import Callable

_BACKOFF = 0.1  # seconds: the longest wait before the first retry; it doubles with each
_MAX_BACKOFF = 5.0


def full_jitter(
    may_retry: Callable[[Exception], bool], *, attempts: int, deadline: float = math.inf
) -> Callable[[Exception], bool | float]:
    """How long to wait before a retry: a hook for `stamina.retry_context`, made anew for each call.

    stamina's own jitter is a constant added to the backoff, which leaves callers in step; this one is drawn from zero
    to the backoff (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). `deadline` is a time
    of `time.monotonic` that no retry may start after.
    """
    failed = itertools.count(1)

    def pause(error: Exception) -> bool | float:
        number = next(failed)
        seconds = random.uniform(0, min(_MAX_BACKOFF, _BACKOFF * 2 ** (number - 1)))
        in_time = time.monotonic() + seconds < deadline
        return seconds if number < attempts and in_time and may_retry(error) else False

    return pause


class RetryBudget:
    """Retries that a party is good for: `reserve` in a row, then one for every ten calls that went well.

    Keeps retries from multiplying the load of a party in trouble (gRPC's retry throttling, proposal A6). Thread-safe.
    """

    def __init__(self, *, reserve: int = 10) -> None:
        self._most = self._left = reserve * 10
        self._lock = threading.Lock()

    def spend(self) -> bool:
        """Takes one retry, if there is one left."""
        with self._lock:
            allowed = self._left >= 10
            self._left -= 10 if allowed else 0
            return allowed

    def earn(self) -> None:
        """Counts a call that went well."""
        with self._lock:
            self._left = min(self._most, self._left + 1)
