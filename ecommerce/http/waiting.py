"""Long-polling: a request that waits for a change holds no thread, and one query a moment looks for all of them."""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import DatabaseError
from pymongo.errors import PyMongoError
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

LONGEST = 30  # seconds
MOST_WAITING = 1000  # requests; more are answered at once
_EVERY = 0.2  # seconds
_ATTRIBUTE = "waits_for"

Versions = Callable[[Iterable[str]], Mapping[str, Any]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What to wait for: until `versions` gives another one of `key` than `version`, for `seconds` at most."""

    versions: Versions
    key: str
    version: Any
    seconds: float


def seconds_in(request: Request) -> int:
    """How long the client would wait for a change: `?wait=`, 0 without it. Raises `ValidationError`."""
    text = request.query_params.get("wait")
    if text is None:
        return 0
    if not (re.fullmatch("[0-9]{1,2}", text) and int(text) <= LONGEST):
        raise ValidationError({"wait": [f"Must be a whole number of seconds from 0 to {LONGEST}."]})
    return int(text)


def rather_after(response: Response, change: Change) -> Response:
    """The same answer, marked as one that the client would rather have after a change: then it is made again.

    A server that cannot wait sends it at once, which is always right.
    """
    setattr(response, _ATTRIBUTE, change)
    return response


def waits_for(response: Any) -> Change | None:
    """What an answer was marked with."""
    change: Change | None = getattr(response, _ATTRIBUTE, None)
    return change


class Watch:
    """Waits for changes, on one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[Versions, set[_Waiting]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="watch")
        self._looking: asyncio.Task[None] | None = None

    async def changed(self, change: Change) -> None:
        """Returns when it has come, its time is over, or too many wait already."""
        if sum(map(len, self._waiting.values())) >= MOST_WAITING:
            return
        waiting = _Waiting(change, asyncio.Event())
        self._waiting.setdefault(change.versions, set()).add(waiting)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            async with asyncio.timeout(change.seconds):
                await waiting.event.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting[change.versions].discard(waiting)

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while any(self._waiting.values()):
            for versions, waiting in [*self._waiting.items()]:
                now = {*waiting}
                try:
                    found = await loop.run_in_executor(self._thread, versions, {each.change.key for each in now})
                except (PyMongoError, DatabaseError) as error:
                    log.warning("nobody can tell what has changed", error=repr(error)[:500])
                    continue
                for each in now:
                    if found.get(each.change.key) != each.change.version:
                        each.event.set()
            await asyncio.sleep(_EVERY)


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    change: Change
    event: asyncio.Event
