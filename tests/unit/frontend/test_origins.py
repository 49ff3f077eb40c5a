"""A page of another site opens no WebSocket in a user's name."""

from typing import Any

import pytest

from frontend.origins import are_ours

OURS = ["http://127.0.0.1:3000", "https://127.0.0.1:3000", "https://shop.example", "https://a.b.example", ""]
OTHERS = [
    "http://127.0.0.1:4000", "http://127.0.0.1", "http://evil.example", "null", "http://", "http://[", "file://",
    "http://127.0.0.1:3000.evil.example", "http://evil@127.0.0.1:3000", "ws://127.0.0.1:3000", "http://shop.example",
    "https://shop.example.evil", "https://b.example.evil", "http://a.b.example", "é",
]  # fmt: skip


@pytest.fixture
def trusting(settings: Any) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://shop.example", "https://*.b.example"]


def headers(*origins: str, host: str = "127.0.0.1:3000") -> list[tuple[bytes, bytes]]:
    return [(b"host", host.encode()), *((b"origin", each.encode("latin-1", "replace")) for each in origins if each)]


@pytest.mark.parametrize("origin", OURS)
def test_our_own_pages_may(trusting: None, origin: str) -> None:
    assert are_ours(headers(origin))


@pytest.mark.parametrize("origin", OTHERS)
def test_others_may_not(trusting: None, origin: str) -> None:
    assert not are_ours(headers(origin))
    assert not are_ours(headers("http://127.0.0.1:3000", origin))


def test_a_host_that_is_not_ours_makes_no_page_ours() -> None:
    assert not are_ours(headers("http://evil.example", host="evil.example"))


def test_in_production_a_page_without_tls_is_not_ours(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert not are_ours(headers("http://127.0.0.1:3000"))
    assert are_ours(headers("https://127.0.0.1:3000"))
