"""The live view: one WebSocket, from its ticket to the end of its token."""

import asyncio
import time
from collections.abc import Coroutine
from functools import partial
from typing import Any

import msgspec
import structlog
from channels.generic.websocket import AsyncJsonWebsocketConsumer  # type: ignore[import-untyped]
from django.db import DatabaseError
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from ecommerce import identity, typed
from ecommerce.http.permissions import Scope
from ecommerce.platform import tickets
from ecommerce.platform.tickets import Holder
from frontend import clients, origins
from frontend.clients import Client
from frontend.hub import NotHeard, hub
from frontend.shapes import update_of
from orders import selectors

NOT_UNDERSTOOD, NO_TICKET, NOT_OURS, TOO_LATE, EXPIRED, LATER = 4400, 4401, 4403, 4408, 4410, 1013
MOST_ORDERS = 200  # in a snapshot
TICKET_SECONDS = 5.0
FRAME_SECONDS = 0.1  # from one frame to the next
PATIENCE = 30.0  # seconds that a frame waits for a client that is slow
_CLOSING_SECONDS = 10.0
_LONGEST_MESSAGE = 4096


class _First(msgspec.Struct, forbid_unknown_fields=True):
    ticket: str


log = structlog.get_logger(__name__)


class OrdersConsumer(AsyncJsonWebsocketConsumer):
    """See docs/api.md for what is sent. Frames are made by a task of their own, so that a slow client delays nobody."""

    channel_layer_alias = "none"  # the hub hears for all connections of this process

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: Client | None = None
        self._asked = self._ended = False
        self._whole = asyncio.current_task()
        try:
            await super().__call__(scope, receive, send)
        except asyncio.CancelledError:
            if not self._ended:
                raise
        finally:
            self._let_go()

    async def connect(self) -> None:
        await self.accept()
        if not origins.are_ours(self.scope["headers"]):
            await self._end(NOT_OURS)
        else:
            self._start(self._end_after(TICKET_SECONDS, TOO_LATE))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **_: Any) -> None:
        if self._ended:
            return
        ticket = None if self._asked else _ticket_in(text_data or "")
        if ticket is None:
            await self._end(NOT_UNDERSTOOD)
            return
        self._asked = True
        self._let_go()
        try:
            holder = await hub().read(partial(tickets.spend, ticket))
            if holder is None or holder.expires <= time.time():
                await self._end(NO_TICKET)
            else:
                await self._welcome(holder)
        except (RedisError, NotHeard) as error:
            log.warning("a live view has to wait", error=repr(error)[:200])
            await self._end(LATER)

    async def disconnect(self, code: int) -> None:
        self._ended = True
        self._let_go()

    async def _welcome(self, holder: Holder) -> None:
        sees_all = Scope.ORDERS_READ in holder.scopes
        client = Client(
            customer_id=None if sees_all else holder.user_id, sees_pipeline=Scope.PIPELINE_READ in holder.scopes
        )
        await hub().join(client)  # before the snapshot is read, or what changes meanwhile would be missed
        self._client = client
        self._start(self._end_after(holder.expires - time.time(), EXPIRED))
        self._start(self._send_frames(client))

    async def _send_frames(self, client: Client) -> None:
        try:
            while True:
                await client.due.wait()
                frame = await self._snapshot(client) if client.wants_snapshot else client.next_frame()
                if frame:
                    async with asyncio.timeout(PATIENCE):
                        await self.send(text_data=frame)
                    await asyncio.sleep(FRAME_SECONDS)
        except (TimeoutError, PyMongoError, DatabaseError) as error:
            log.warning("a live view ends", error=repr(error)[:200])
            await self._end(LATER)

    async def _snapshot(self, client: Client) -> str:
        client.wants_snapshot = False  # before: what is missed while it is read asks for another
        found = await hub().read(lambda: [*map(update_of, selectors.latest(client.customer_id, limit=MOST_ORDERS))])
        stats = await hub().stats() if client.sees_pipeline else None
        client.pending.start_over(found)
        return clients.snapshot(identity.now(), found, stats)

    async def _end_after(self, seconds: float, code: int) -> None:
        await asyncio.sleep(seconds)
        await self._end(code)

    async def _end(self, code: int) -> None:
        """Closes it. A client that takes nothing, not even that, is given up."""
        if self._ended:
            return
        self._ended = True
        self._let_go()
        try:
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self.close(code)
        except TimeoutError:
            assert self._whole
            self._whole.cancel()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _let_go(self) -> None:
        """Ends what runs beside, but for who says so."""
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()
        if self._client:
            hub().leave(self._client)


def _ticket_in(text: str) -> str | None:
    if len(text) > _LONGEST_MESSAGE:
        return None
    try:
        return typed.decode(text, _First).ticket
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
