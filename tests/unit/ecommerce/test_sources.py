"""A source is never waited for long, nor asked twice at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ecommerce import sources
from ecommerce.sources import Source


def test_one_that_does_not_answer_is_not_waited_for_and_not_asked_again_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sources, "_PATIENCE", 0.01)
    monkeypatch.setattr(sources, "_FRESH", 0.0)
    asked, answer = [], threading.Event()

    def read() -> int:
        asked.append(1)
        answer.wait()
        return 7

    source = Source("slow", read)
    with ThreadPoolExecutor(1) as scraper:
        scrapes = [scraper.submit(source.get) for _ in range(3)]
        try:
            assert [scrape.result(timeout=60) for scrape in scrapes] == [None, None, None]
        finally:
            answer.set()
    assert asked == [1]
    monkeypatch.setattr(sources, "_PATIENCE", 60.0)
    assert source.get() == 7


def test_scrapes_share_what_is_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_FRESH", 3600.0)
    numbers = iter(range(10))
    source = Source("fresh", lambda: next(numbers))
    assert [source.get(), source.get()] == [0, 0]
    monkeypatch.setattr(sources, "_FRESH", 0.0)
    assert [source.get(), source.get()] == [1, 2]


def test_one_that_fails_says_nothing() -> None:
    assert Source("broken", lambda: 1 // 0).get() is None
