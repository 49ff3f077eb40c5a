"""Django's synchronous side behind an asynchronous server: one hop to a thread and one back for each request.

Django's own ASGI handler gives every request a thread of its own and crosses over for each middleware that is
synchronous. Here the body is read and the answer sent on the loop, and all between runs on one thread of a fixed pool.
"""

import asyncio
import io
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core import signals
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.base import BaseHandler
from django.http import HttpResponseBase
from django.urls import set_script_prefix

from ecommerce.http.parsing import MOST_BYTES
from ecommerce.http.waiting import Change, Watch, waits_for

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Disconnected(Exception):
    """The client went away before it had sent its whole request."""


class Handler(BaseHandler):
    """An ASGI application for HTTP. Requests beyond `threads` at once wait for a thread; a long poll holds none.

    An answer is sent in one piece, so none may be larger than memory allows. Of a body that is too large the rest is
    not read: whoever parses it refuses it.
    """

    def __init__(self, *, threads: int) -> None:
        super().__init__()
        self.load_middleware()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="http")
        self._watch = Watch()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await _read(receive)
        except Disconnected:
            return
        loop = asyncio.get_running_loop()
        change, start, content = await loop.run_in_executor(self._threads, self._answer, scope, body)
        if change:
            await self._watch.changed(change)
            _, start, content = await loop.run_in_executor(self._threads, self._answer, scope, body)
        await send(start)
        await send({"type": "http.response.body", "body": content})

    def _answer(self, scope: Scope, body: bytes) -> tuple[Change | None, Message, bytes]:
        prefix = scope.get("root_path", "")
        set_script_prefix(prefix)
        signals.request_started.send(sender=type(self), scope=scope)
        request = ASGIRequest(scope, io.BytesIO(body))
        request.META["CONTENT_LENGTH"] = str(len(body))  # a body that comes in chunks does not say it
        response = self.get_response(request)
        try:
            return waits_for(response), _start(response), b"".join(response)
        finally:
            response.close()  # which tells that the request is finished
            _take_apart(request, response)


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """An ASGI application for WebSockets that opens none: the handshake is answered with 403."""
    await send({"type": "websocket.close"})


def _take_apart(request: ASGIRequest, response: HttpResponseBase) -> None:
    """Frees what Django and DRF made for a request: it refers to itself in circles, of some 90 objects.

    Left to the collector, those of 500 requests were freed in one pause of 40 to 300 ms, in which nobody was answered.
    """
    context = getattr(response, "renderer_context", None) or {}
    for part in (context.get("view"), context.get("request"), request):
        if part is not None:
            vars(part).clear()
    context.clear()


def _start(response: HttpResponseBase) -> Message:
    headers = [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
    cookies = [(b"set-cookie", each.output(header="").strip().encode("ascii")) for each in response.cookies.values()]
    return {"type": "http.response.start", "status": response.status_code, "headers": headers + cookies}


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_BYTES or not message.get("more_body", False):
            return b"".join(parts)
