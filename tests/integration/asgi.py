"""HTTP as an ASGI server hands it to the application, one request at a time or several at once."""

import asyncio
from typing import Any

from ecommerce.http.server import Handler


class Exchange:
    """One request and what came back."""

    def __init__(
        self, method: str, path: str, *, parts: list[dict[str, Any]] | None = None, access: str = "", known: str = ""
    ) -> None:
        self.unread = [part(b"")] if parts is None else parts
        self.sent: list[dict[str, Any]] = []
        path, _, query = path.partition("?")
        headers = {"host": "testserver", "content-type": "application/json"}
        headers |= {"authorization": f"Bearer {access}"} if access else {}
        headers |= {"if-none-match": known} if known else {}
        self._scope = {
            "type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(),
            "query_string": query.encode(), "root_path": "", "scheme": "http", "server": ("testserver", 80),
            "client": ("127.0.0.1", 5), "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }  # fmt: skip

    async def take_place(self, handler: Handler) -> "Exchange":
        await handler(self._scope, self._receive, self._send)  # type: ignore[arg-type]
        return self

    async def _receive(self) -> dict[str, Any]:
        return self.unread.pop(0)

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.sent[1:])

    def headers(self, name: str) -> list[str]:
        return [value.decode() for key, value in self.sent[0]["headers"] if key == name.encode()]


def part(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def exchange(handler: Handler, method: str, path: str, *, parts: list[dict[str, Any]] | None = None) -> Exchange:
    """One request alone."""
    return asyncio.run(Exchange(method, path, parts=parts).take_place(handler))
