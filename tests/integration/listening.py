"""Clients of the live view, and a web server in this process that they connect to."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.waiting import until

SECONDS = 60.0


@dataclass
class Listener:
    """A client that has what it was told: every frame, and of each order the latest state."""

    socket: ClientConnection
    frames: list[Any] = field(default_factory=list)
    orders: dict[str, Any] = field(default_factory=dict)

    def hear(self, seconds: float = SECONDS) -> Any:
        """The next frame."""
        frame = json.loads(self.socket.recv(timeout=seconds))
        self.frames.append(frame)
        if frame["type"] == "snapshot":
            self.orders = {}
        told = frame["orders"] if frame["type"] in ("snapshot", "orders.updated") else []
        for each in [frame["order"]] if frame["type"] == "order.updated" else told:
            assert each["version"] > self.orders.get(each["orderId"], {"version": 0})["version"]
            self.orders[each["orderId"]] = each
        return frame

    def until(self, what: Callable[["Listener"], bool]) -> None:
        """Hears until it is so. Fails after a while."""

        def heard() -> bool:
            return what(self) or (self.hear() and what(self))

        until("a client to be told", heard, seconds=90)

    def statuses(self) -> dict[str, str]:
        return {id: order["status"] for id, order in self.orders.items()}

    def closed(self) -> int:
        """The code that the server closes with, after whatever it still sends."""
        with pytest.raises(ConnectionClosed) as ended:
            while True:
                self.hear()
        assert ended.value.rcvd
        return int(ended.value.rcvd.code)

    def types(self) -> list[str]:
        return [frame["type"] for frame in self.frames]


@contextmanager
def listening(url: str, ticket: str | None = None, **options: Any) -> Iterator[Listener]:
    """A client at a web server (http://…), which has sent its ticket, if it has one."""
    with connect(f"ws{url[4:]}/ws/orders/", proxy=None, max_size=None, open_timeout=SECONDS, **options) as socket:
        if ticket is not None:
            with suppress(ConnectionClosed):  # the server may have seen enough
                socket.send(json.dumps({"ticket": ticket}))
        yield Listener(socket)


@contextmanager
def web_server(application: Any, *, buffer: int = 0) -> Iterator[str]:
    """The URL of a web server in a thread; with `buffer`, the kernel keeps so many bytes for who does not read."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        if buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        config = uvicorn.Config(application, lifespan="off", log_level="warning", timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: server.run(sockets=[listener]), daemon=True)
        thread.start()
        try:
            until("the server to be up", lambda: server.started)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(SECONDS)
