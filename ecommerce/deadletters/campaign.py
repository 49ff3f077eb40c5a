"""Replaying many chains: first one, then ten, then all, and not one more where they fail again."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ecommerce.deadletters.desk import Desk, Replay
from ecommerce.deadletters.selection import Chain

_CANARY = (1, 10)

Target = tuple[Desk, Chain]


@dataclass(slots=True)
class Result:
    """What became of one chain."""

    target: Target
    replay: Replay


class Campaign:
    """Replays `targets` one after the other, `rate` a second at most (0: as fast as they go).

    With `canary`, a stage of which one fails again is the last one: whoever replays ten thousand learns from the first
    that nothing has been mended. `stopped` tells how many were then not tried.
    """

    def __init__(self, targets: Sequence[Target], *, canary: bool = True, rate: float = 0.0) -> None:
        self._targets = targets
        self._canary = canary
        self._rate = rate
        self.stopped = 0

    def run(self, replay: Callable[[Desk, Chain], Replay]) -> Iterator[Result]:
        """The results, as they come."""
        next_at = time.monotonic()
        done = 0
        for stage in self._stages():
            failed = 0
            for desk, chain in stage:
                time.sleep(max(0.0, next_at - time.monotonic()))
                next_at = max(next_at, time.monotonic() - 1) + (1 / self._rate if self._rate else 0)
                result = Result((desk, chain), replay(desk, chain))
                failed += bool(result.replay.error)
                done += 1
                yield result
            if failed and self._canary and done < len(self._targets):
                self.stopped = len(self._targets) - done
                return

    def _stages(self) -> Iterator[Sequence[Target]]:
        start = 0
        for size in _CANARY if self._canary else ():
            yield self._targets[start : start + size]
            start += size
        yield self._targets[start:]
