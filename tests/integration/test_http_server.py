"""The server side of HTTP as an ASGI server uses it: what is read, and what is sent."""

import asyncio
import gc

import msgspec
import pytest

from ecommerce.http.parsing import MOST_BYTES
from ecommerce.http.server import Handler
from tests.integration.asgi import Exchange, exchange, part
from tests.integration.people import ORDER, Person

pytestmark = pytest.mark.usefixtures("module_databases")
HANDLER = Handler(threads=2)


def test_a_body_that_comes_in_parts_is_one_body() -> None:
    half = b'{"username": "nobody", "pass'
    token = exchange(HANDLER, "POST", "/api/v1/auth/token", parts=[part(half, more=True), part(b'word": "wrong"}')])
    assert token.status == 401
    assert token.headers("content-type") == ["application/problem+json"]
    assert b'"/problems/unauthenticated"' in token.body
    assert int(token.headers("content-length")[0]) == len(token.body)


def test_of_a_body_that_is_too_large_the_rest_is_not_read() -> None:
    parts = [part(b" " * (MOST_BYTES // 2), more=True) for _ in range(10)]
    answer = exchange(HANDLER, "POST", "/api/v1/auth/token", parts=parts)
    assert answer.status == 413
    assert len(answer.unread) == 7


def test_a_client_that_leaves_in_the_middle_gets_no_answer_and_starts_nothing() -> None:
    parts = [part(b'{"username": "left", "password": "a-long-one-1"', more=True), {"type": "http.disconnect"}]
    assert exchange(HANDLER, "POST", "/api/v1/auth/register", parts=parts).sent == []


def test_each_cookie_is_a_header_of_its_own() -> None:
    page = exchange(HANDLER, "GET", "/admin/login/")
    assert page.status == 200
    assert any(cookie.startswith("csrftoken=") for cookie in page.headers("set-cookie"))


def test_a_file_is_sent_whole() -> None:
    style = exchange(HANDLER, "GET", "/static/admin/css/base.css")
    assert style.status == 200
    assert int(style.headers("content-length")[0]) == len(style.body) > 1000


def test_what_nothing_serves_is_a_problem_document() -> None:
    assert exchange(HANDLER, "GET", "/nowhere").status == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/v1/orders", 201),
        ("GET", "/api/v1/orders", 200),
        ("GET", "/api/v1/orders/none", 404),
        ("GET", "/nowhere", 404),
    ],
)
def test_a_request_is_freed_at_once_and_leaves_nothing_to_the_collector(
    alice: Person, method: str, path: str, status: int
) -> None:
    body = msgspec.json.encode(ORDER) if method == "POST" else b""

    async def ask(times: int) -> None:
        for _ in range(times):
            exchange = Exchange(method, path, parts=[part(body)], access=alice.access)
            await exchange.take_place(HANDLER)
            assert exchange.status == status

    async def left_by(times: int) -> int:
        await ask(3)
        gc.collect()
        gc.disable()
        try:
            await ask(times)
            return gc.collect()
        finally:
            gc.enable()

    left = asyncio.run(left_by(20)) / 20
    assert left < 10, f"{left} objects a request"
