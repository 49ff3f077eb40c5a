"""The server side of HTTP as an ASGI server uses it: what is read, and what is sent."""

import pytest

from ecommerce.http.parsing import MOST_BYTES
from ecommerce.http.server import Handler
from tests.integration.asgi import exchange, part

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
