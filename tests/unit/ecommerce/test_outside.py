"""Time limit, retries, budget and breaker, against a server in this process that answers as it is told."""

import random
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

import ecommerce.outside
import ecommerce.retrying
from ecommerce.outside import (
    CLOSED,
    HALF_OPEN,
    OPEN,
    Breaker,
    Outside,
    Rejected,
    RequestFailed,
    Unavailable,
)
from ecommerce.retrying import RetryBudget, full_jitter

Answer = tuple[int, bytes] | Callable[[BaseHTTPRequestHandler], None]


def reply(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    handler.send_response(status)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


class Party:
    """Answers each request with the next of `answers`, and with the last one from then on."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [(200, b"{}")]
        self.requests: list[bytes] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        party = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                party.requests.append(self.rfile.read(int(self.headers["content-length"])))
                answer = party.answers.pop(0) if len(party.answers) > 1 else party.answers[0]
                if callable(answer):
                    answer(self)
                else:
                    reply(self, *answer)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def party() -> Iterator[Party]:
    party = Party()
    yield party
    party.close()


def fail(outside: Outside) -> str:
    with pytest.raises(Unavailable) as raised:
        outside.post("/pay", {})
    return raised.value.detail


def test_an_answer_is_decoded_json(party: Party) -> None:
    party.answers = [(200, b'{"held": 1999}')]
    assert Outside("bank", party.url).post("/pay", {"amount": 1999}) == {"held": 1999}
    assert party.requests == [b'{"amount":1999}']


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_transient_answer_is_asked_again(party: Party, status: int) -> None:
    party.answers = [(status, b""), (status, b""), (200, b"1")]
    assert Outside("bank", party.url, attempts=3).post("/pay", {}) == 1
    assert len(party.requests) == 3


def test_a_connection_that_breaks_is_asked_again(party: Party) -> None:
    party.answers = [lambda handler: handler.connection.shutdown(socket.SHUT_RDWR), (200, b"1")]
    assert Outside("bank", party.url).post("/pay", {}) == 1
    assert len(party.requests) == 2


def test_it_gives_up_after_its_attempts(party: Party) -> None:
    party.answers = [(503, b"")]
    assert fail(Outside("bank", party.url, attempts=3)) == "bank answered 503"
    assert len(party.requests) == 3


@pytest.mark.parametrize(("status", "body"), [(500, b""), (200, b"<html>")])
def test_what_another_request_would_not_mend_is_not_asked_again(party: Party, status: int, body: bytes) -> None:
    party.answers = [(status, body)]
    fail(Outside("bank", party.url, attempts=3))
    assert len(party.requests) == 1


def test_a_request_that_was_sent_and_timed_out_is_not_sent_again(party: Party) -> None:
    left = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        left.wait(10)

    party.answers = [hang]
    assert fail(Outside("bank", party.url, timeout=0.2)) == "bank: ReadTimeout timed out"
    left.set()
    assert len(party.requests) == 1


def test_an_answer_that_drips_is_cut_off_at_the_time_limit(party: Party) -> None:
    left = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "1000")
        handler.end_headers()
        with suppress(OSError):
            while not left.wait(0.05):
                handler.wfile.write(b"1")

    party.answers = [drip]
    assert fail(Outside("bank", party.url, timeout=0.3)) == "bank: ReadTimeout the answer took too long"
    left.set()


def test_the_time_limit_holds_for_a_call_with_its_retries(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    # A clock on which every request takes a quarter of a second.
    clock = SimpleNamespace(monotonic=lambda: 0.25 * len(party.requests))
    for module in (ecommerce.outside, ecommerce.retrying):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(random, "uniform", lambda least, most: 0.0)
    party.answers = [(503, b"")]
    fail(Outside("bank", party.url, timeout=0.6, attempts=100, failures=100))
    assert len(party.requests) == 3


def test_a_rejection_is_raised_at_once_and_never_opens_the_breaker(party: Party) -> None:
    party.answers = [(400, b"amount: wrong")]
    outside = Outside("bank", party.url, failures=2)
    for _ in range(5):
        with pytest.raises(Rejected, match="400: amount: wrong"):
            outside.post("/pay", {})
    assert outside.breaker.state == CLOSED
    assert len(party.requests) == 5


def test_being_told_to_slow_down_does_not_open_the_breaker(party: Party) -> None:
    party.answers = [(429, b"")]
    outside = Outside("bank", party.url, attempts=3, failures=2)
    assert fail(outside) == "bank answered 429"
    assert outside.breaker.state == CLOSED


def test_the_breaker_counts_requests_and_stops_the_retries_when_it_opens(
    party: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda least, most: 0.0)
    party.answers = [(503, b"")]
    outside = Outside("bank", party.url, attempts=10, failures=4)
    assert fail(outside) == "bank: the circuit breaker is open"
    assert outside.breaker.state == OPEN
    assert fail(outside) == "bank: the circuit breaker is open"
    assert len(party.requests) == 4


def test_a_success_between_failures_starts_the_count_again(party: Party) -> None:
    party.answers = [(503, b""), (200, b"1"), (503, b""), (200, b"1")]
    outside = Outside("bank", party.url, failures=2)
    assert [outside.post("/pay", {}) for _ in range(2)] == [1, 1]
    assert outside.breaker.state == CLOSED


def test_calls_of_several_threads_run_at_the_same_time(party: Party) -> None:
    both_there = threading.Barrier(2, timeout=10)

    def meet(handler: BaseHTTPRequestHandler) -> None:
        both_there.wait()
        reply(handler, 200, b"1")

    party.answers = [meet]
    outside = Outside("bank", party.url, timeout=10)
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(lambda _: outside.post("/pay", {}), range(2))) == [1, 1]


def test_the_budget_bounds_the_retries_of_many_calls(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda least, most: 0.0)
    party.answers = [(503, b"")]
    outside = Outside("bank", party.url, attempts=3, failures=1000)
    for _ in range(20):
        fail(outside)
    assert len(party.requests) == 20 + 10


def test_ten_calls_that_went_well_earn_one_retry() -> None:
    budget = RetryBudget(reserve=2)
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    for _ in range(10):
        budget.earn()
    assert [budget.spend() for _ in range(2)] == [True, False]


def test_the_wait_before_a_retry_is_drawn_from_zero_to_a_bound_that_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds: list[tuple[float, float]] = []

    def draw(least: float, most: float) -> float:
        bounds.append((least, most))
        return least

    monkeypatch.setattr(random, "uniform", draw)
    pause = full_jitter(lambda error: True, attempts=8)
    waits = [pause(ValueError()) for _ in range(8)]
    assert bounds == [(0, 0.1), (0, 0.2), (0, 0.4), (0, 0.8), (0, 1.6), (0, 3.2), (0, 5.0), (0, 5.0)]
    assert waits == [0] * 7 + [False]
    assert waits[0] is not False  # stamina takes 0 as "at once", and False as "not again"


def broken() -> RequestFailed:
    return RequestFailed("no answer", transient=True)


def opened(reset_seconds: float) -> Breaker:
    breaker = Breaker("bank", failures=1, reset_seconds=reset_seconds)
    with suppress(RequestFailed), breaker.request():
        raise broken()
    return breaker


def test_a_half_open_breaker_admits_one_trial_and_closes_on_its_success() -> None:
    breaker = opened(reset_seconds=0)
    with breaker.request():
        assert breaker.state == HALF_OPEN
        for _ in range(3):
            with pytest.raises(Unavailable, match="the circuit breaker is open"), breaker.request():
                pytest.fail("a second trial was admitted")
    assert breaker.state == CLOSED


def test_a_trial_that_the_party_rejects_closes_the_breaker_since_the_party_is_there() -> None:
    breaker = opened(reset_seconds=0)
    with pytest.raises(Rejected), breaker.request():
        raise Rejected(400, "wrong")
    assert breaker.state == CLOSED


def test_a_failed_trial_opens_the_breaker_again() -> None:
    breaker = opened(reset_seconds=0)
    with suppress(RequestFailed), breaker.request():
        raise broken()
    assert breaker.state == OPEN


def test_a_trial_that_its_caller_gives_up_leaves_the_breaker_open_for_the_next() -> None:
    breaker = opened(reset_seconds=0)
    with pytest.raises(KeyboardInterrupt), breaker.request():
        raise KeyboardInterrupt
    assert breaker.state == OPEN
    with breaker.request():
        pass
    assert breaker.state == CLOSED


@pytest.mark.parametrize("outcome", [None, broken()])
def test_a_request_from_before_the_opening_does_not_decide_the_trial(outcome: RequestFailed | None) -> None:
    breaker = Breaker("bank", failures=1, reset_seconds=0)
    late = breaker.request()
    late.__enter__()
    with suppress(RequestFailed), breaker.request():
        raise broken()
    with breaker.request():
        with suppress(RequestFailed):
            late.__exit__(type(outcome) if outcome else None, outcome, None)
        assert breaker.state == HALF_OPEN
    assert breaker.state == CLOSED


def test_opening_and_closing_are_logged_with_the_partys_name() -> None:
    with capture_logs() as logs:
        breaker = opened(reset_seconds=0)
        with breaker.request():
            pass
    assert [(entry["log_level"], entry["party"], entry["was"], entry["now"]) for entry in logs] == [
        ("warning", "bank", CLOSED, OPEN),
        ("warning", "bank", OPEN, HALF_OPEN),
        ("warning", "bank", HALF_OPEN, CLOSED),
    ]
