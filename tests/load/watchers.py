"""Customers who watch their orders: so many WebSockets, in a process of their own.

    python -m tests.load.watchers <port> <file of access tokens, one a line>

Prints "ready" when each has its snapshot, and when its standard input ends a JSON object: of each order the version
that came last, its status, and when that came (epoch).
"""

import asyncio
import resource
import sys
import time
from pathlib import Path

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect

_AT_ONCE = 50  # handshakes

Seen = dict[str, tuple[int, str, float]]


class _Order(msgspec.Struct, rename="camel"):
    order_id: str
    version: int
    status: str


class _Frame(msgspec.Struct):
    type: str
    order: _Order | None = None
    orders: list[_Order] = []


async def watch(port: int, tokens: list[str]) -> Seen:
    """Connects all, and listens until standard input ends."""
    seen: Seen = {}
    turns = asyncio.Semaphore(_AT_ONCE)
    decoder = msgspec.json.Decoder(_Frame)

    def take(data: str | bytes) -> None:
        frame, now = decoder.decode(data), time.time()
        for each in [*frame.orders, *([frame.order] if frame.order else ())]:
            if each.version > seen.get(each.order_id, (0,))[0]:
                seen[each.order_id] = (each.version, each.status, now)

    async def opened(http: httpx.AsyncClient, token: str) -> ClientConnection:
        async with turns:
            answer = await http.post("/api/v1/auth/ws-ticket", headers={"Authorization": f"Bearer {token}"})
            socket = await connect(f"ws://127.0.0.1:{port}/ws/orders/", proxy=None, open_timeout=120, max_size=None)
            await socket.send(answer.raise_for_status().content.decode())
            take(await socket.recv())
        return socket

    async def listen(socket: ClientConnection) -> None:
        async for data in socket:
            take(data)
        raise ConnectionError(f"the server closed with {socket.close_code}")

    limits = httpx.Limits(keepalive_expiry=1)  # well before the server ends an idle connection
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", timeout=120, trust_env=False, limits=limits
    ) as http:
        sockets = await asyncio.gather(*(opened(http, token) for token in tokens))
    print("ready", flush=True)
    listeners = [asyncio.create_task(listen(socket)) for socket in sockets]
    end = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    done, _ = await asyncio.wait([end, *listeners], return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    for task in listeners:
        task.cancel()
    return seen


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    tokens = Path(sys.argv[2]).read_text().split()
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(watch(int(sys.argv[1]), tokens))))
