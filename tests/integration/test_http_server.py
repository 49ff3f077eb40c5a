"""The server side of HTTP as an ASGI server uses it: what is read, and what is sent."""

import asyncio
from typing import Any

import pytest

from ecommerce.http.parsing import MOST_BYTES
from ecommerce.http.server import Handler

pytestmark = pytest.mark.usefixtures("module_databases")
HANDLER = Handler(threads=2)


class Exchange:
    """One request and what came back."""

    def __init__(self, method: str, path: str, *, parts: list[dict[str, Any]]) -> None:
        self.unread = parts
        self.sent: list[dict[str, Any]] = []
        scope = {
            "type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(),
            "query_string": b"", "root_path": "", "scheme": "http", "server": ("testserver", 80),
            "client": ("127.0.0.1", 5), "headers": [(b"host", b"testserver"), (b"content-type", b"application/json")],
        }  # fmt: skip
        asyncio.run(HANDLER(scope, self._receive, self._send))  # type: ignore[arg-type]

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


def test_a_body_that_comes_in_parts_is_one_body() -> None:
    half = b'{"username": "nobody", "pass'
    token = Exchange("POST", "/api/v1/auth/token", parts=[part(half, more=True), part(b'word": "wrong"}')])
    assert token.status == 401
    assert token.headers("content-type") == ["application/problem+json"]
    assert b'"/problems/unauthenticated"' in token.body
    assert int(token.headers("content-length")[0]) == len(token.body)


def test_of_a_body_that_is_too_large_the_rest_is_not_read() -> None:
    parts = [part(b" " * (MOST_BYTES // 2), more=True) for _ in range(10)]
    answer = Exchange("POST", "/api/v1/auth/token", parts=parts)
    assert answer.status == 413
    assert len(answer.unread) == 7


def test_a_client_that_leaves_in_the_middle_gets_no_answer_and_starts_nothing() -> None:
    parts = [part(b'{"username": "left", "password": "a-long-one-1"', more=True), {"type": "http.disconnect"}]
    assert Exchange("POST", "/api/v1/auth/register", parts=parts).sent == []


def test_each_cookie_is_a_header_of_its_own() -> None:
    page = Exchange("GET", "/admin/login/", parts=[part(b"")])
    assert page.status == 200
    assert any(cookie.startswith("csrftoken=") for cookie in page.headers("set-cookie"))


def test_a_file_is_sent_whole() -> None:
    style = Exchange("GET", "/static/admin/css/base.css", parts=[part(b"")])
    assert style.status == 200
    assert int(style.headers("content-length")[0]) == len(style.body) > 1000


def test_what_nothing_serves_is_a_problem_document() -> None:
    assert Exchange("GET", "/nowhere", parts=[part(b"")]).status == 404
