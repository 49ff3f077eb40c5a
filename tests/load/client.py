"""A storefront's HTTP client that is no bottleneck: raw sockets, kept alive, in a process of its own.

    python -m tests.load.client <port> <access token> steadily <rate> <seconds>   posts at their times, come what may
    python -m tests.load.client <port> <access token> busily <clients> <seconds>  each posts again when it is answered

Prints a JSON list of posts.
"""

import asyncio
import itertools
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from ecommerce import identity

BODY = msgspec.json.encode(
    {
        "items": [{"sku": "SKU-007", "quantity": 1}],
        "paymentMethod": "tok_visa",
        "shippingAddress": {
            "name": "Alice Demo",
            "line1": "1 Main Street",
            "city": "Berlin",
            "postalCode": "10115",
            "country": "DE",
        },
    }
)


_MOST_IDLE_SECONDS = 3  # the server closes what is idle for 5, perhaps just as the next request is sent


class Post(msgspec.Struct):
    """A POST /api/v1/orders: when it was due (epoch), when it was answered, and how."""

    due: float
    answered: float
    status: int
    order_id: str


class Connection:
    """One kept-alive connection."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._head = (
            f"POST /api/v1/orders HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\nIdempotency-Key: "
        ).encode()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used_at = 0.0

    async def post(self, due: float) -> Post:
        """One new order."""
        if self._streams is None or time.time() - self._used_at > _MOST_IDLE_SECONDS:
            self.close()
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(self._head + identity.new_id().encode() + b"\r\n\r\n" + BODY)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        body = msgspec.json.decode(await reader.readexactly(length))
        self._used_at = time.time()
        return Post(due, time.time(), int(head[9:12]), body.get("orderId", ""))

    def close(self) -> None:
        """Lets the connection go."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def steadily(connect: Callable[[], Connection], rate: float, seconds: float) -> list[Post]:
    """An open loop: a slow answer delays no later post, and its own delay counts from when it was due."""
    idle: list[Connection] = []
    start = time.time() + 0.2

    async def one(number: int) -> Post:
        due = start + number / rate
        await asyncio.sleep(due - time.time())
        connection = idle.pop() if idle else connect()
        post = await connection.post(due)
        idle.append(connection)
        return post

    return await asyncio.gather(*(one(number) for number in range(int(rate * seconds))))


async def busily(connect: Callable[[], Connection], clients: float, seconds: float) -> list[Post]:
    """A closed loop of so many clients."""
    end = time.time() + seconds

    async def one() -> list[Post]:
        connection, posts = connect(), []
        while (now := time.time()) < end:
            posts.append(await connection.post(now))
        return posts

    return list(itertools.chain(*await asyncio.gather(*(one() for _ in range(int(clients))))))


LOOPS: dict[str, Callable[..., Coroutine[Any, Any, list[Post]]]] = {"steadily": steadily, "busily": busily}

if __name__ == "__main__":
    port, token, loop, number, seconds = sys.argv[1:]
    posts = asyncio.run(LOOPS[loop](lambda: Connection(int(port), token), float(number), float(seconds)))
    sys.stdout.buffer.write(msgspec.json.encode(posts))
