"""What a web process hears of orders, handed to those of its clients that may see it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import structlog
from channels.layers import get_channel_layer  # type: ignore[import-untyped]
from redis.exceptions import RedisError

from ecommerce.http.rendering import encoded
from frontend import audience
from frontend.clients import Client
from frontend.layer import GROUP, OUT_OF_REACH, PROBE, Numbers, Update
from frontend.pipeline import pipeline

T = TypeVar("T")

_READY_SECONDS = 5.0
_PROBE_EVERY = 0.2
_STATS_EVERY = 1.0
_ATTEND_EVERY = 1.0

log = structlog.get_logger(__name__)


class NotHeard(Exception):
    """Nothing is heard from Redis: a client that came now would not be told what changes."""


class Hub:
    """Of one event loop, from its first client on."""

    def __init__(self) -> None:
        self._clients: dict[str | None, set[Client]] = {}
        self._numbers = Numbers()
        self._hears = asyncio.Event()
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="live")
        self._statistician = ThreadPoolExecutor(1, thread_name_prefix="live-stats")
        tasks = (self._follow, self._probe, self._attend, self._tell_stats)
        self._tasks = [asyncio.create_task(each()) for each in tasks]

    async def join(self, client: Client) -> None:
        """From now on it is told all that it may see. Raises `NotHeard` or `RedisError`."""
        self._clients.setdefault(client.customer_id, set()).add(client)
        try:
            await asyncio.wait_for(self._hears.wait(), _READY_SECONDS)
            await asyncio.to_thread(audience.attend)
        except TimeoutError as error:
            self.leave(client)
            raise NotHeard from error
        except RedisError:
            self.leave(client)
            raise

    def leave(self, client: Client) -> None:
        """It is told nothing any more."""
        among = self._clients.get(client.customer_id, set())
        among.discard(client)
        if not among:
            self._clients.pop(client.customer_id, None)

    async def read(self, call: Callable[[], T]) -> T:
        """What `call` gives, on a thread: of a database, say."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, call)

    async def stats(self) -> bytes:
        """The pipeline's state as JSON."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._statistician, lambda: encoded(pipeline()))

    async def _follow(self) -> None:
        layer = get_channel_layer()
        while True:
            try:
                channel = await layer.new_channel()
                await layer.group_add(GROUP, channel)
                while True:  # after a lost connection, the layer subscribes again by itself
                    self._hear(await layer.receive(channel))
            except Exception as error:  # it must outlive whatever this is
                log.warning("nothing is heard of what changes", error=repr(error)[:200])
                with suppress(Exception):
                    await layer.flush()  # or the channel would stay
                await asyncio.sleep(1)

    async def _probe(self) -> None:
        """To be sure that it hears: a subscription is on its way when the library says that there is one."""
        while not self._hears.is_set():
            try:
                await asyncio.wait_for(get_channel_layer().group_send(GROUP, PROBE), _READY_SECONDS)
            except OUT_OF_REACH as error:
                log.debug("not probed", error=repr(error)[:200])
            await asyncio.sleep(_PROBE_EVERY)

    def _hear(self, message: dict[str, Any]) -> None:
        self._hears.set()
        if message["type"] != "live":
            return
        if self._numbers.misses(message["run"], message["number"]):
            for client in self._all():
                client.renew()
        for each in message["orders"]:
            update = Update(*each)
            for who in (None, update.customer_id):
                for client in self._clients.get(who, ()):
                    client.update(update)

    async def _attend(self) -> None:
        """Says that somebody listens, as long as somebody does; waits for no snapshot and no pipeline's state."""
        while True:
            await asyncio.sleep(_ATTEND_EVERY)
            if self._clients:
                with suppress(RedisError):  # in doubt, everything is told
                    await asyncio.to_thread(audience.attend)

    async def _tell_stats(self) -> None:
        while True:
            await asyncio.sleep(_STATS_EVERY)
            if not any(client.sees_pipeline for client in self._all()):
                continue
            try:
                told = await self.stats()
            except Exception as error:  # as above: the next second has the next
                log.warning("the pipeline's state is not told", error=repr(error)[:200])
                continue
            for client in self._all():
                if client.sees_pipeline:
                    client.show(told)

    def _all(self) -> list[Client]:
        return [client for among in self._clients.values() for client in among]


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def hub() -> Hub:
    """The one of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]
