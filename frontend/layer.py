"""What the projection tells the web processes, through the channel layer: all of them hear all of it, in order.

Redis forgets what nobody hears, and says nothing of it. So every message has the number after that of the message
before, and there is one each second at least: who hears a number too many knows that something was missed.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog
from channels.layers import get_channel_layer  # type: ignore[import-untyped]
from redis.exceptions import RedisError

from ecommerce import identity

GROUP = "orders"
PROBE: dict[str, Any] = {"type": "probe"}
OUT_OF_REACH = (RedisError, OSError, TimeoutError)
_PATIENCE = 2.0  # seconds

log = structlog.get_logger(__name__)


class Update(NamedTuple):
    """An order as it is: `data` is the JSON that clients get."""

    customer_id: str
    order_id: str
    version: int
    data: bytes


class Voice:
    """One projection's, from its start to its end. To be used by one thread, outside of any event loop."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._run = identity.new_id()
        self._number = 0

    def say(self, updates: Sequence[Update] = ()) -> bool:
        """Tells everybody; False where Redis is away. Then the number that is missing tells that later."""
        self._number += 1
        message = {"type": "live", "run": self._run, "number": self._number, "orders": [list(each) for each in updates]}
        try:
            self._runner.run(_send(message))
        except OUT_OF_REACH as error:
            log.warning("nobody is told what changes: Redis is out of reach", error=repr(error)[:200])
            return False
        return True

    def keep_silent(self) -> None:
        """Tells nobody. Who comes to listen just then hears of it with the next message: something is missing."""
        self._number += 1


async def _send(message: dict[str, Any]) -> None:
    await asyncio.wait_for(get_channel_layer().group_send(GROUP, message), _PATIENCE)


class Numbers:
    """Which messages were heard."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}  # by run

    def misses(self, run: str, number: int) -> bool:
        """Whether something was missed before this one: also when a projection begins, of the time before it."""
        expected = self._last.pop(run, None)
        self._last[run] = number
        while len(self._last) > 8:
            del self._last[next(iter(self._last))]
        return expected is None or number != expected + 1
