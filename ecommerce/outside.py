"""The one way of calling the outside world: a time limit, retries with full jitter, a retry budget, a circuit breaker.

Calls must carry an idempotency key: a request whose connection broke is sent again.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import httpx
import msgspec
import pybreaker
import stamina
import structlog

from ecommerce import counters
from ecommerce.retrying import RetryBudget, full_jitter

CLOSED, OPEN, HALF_OPEN = pybreaker.STATE_CLOSED, pybreaker.STATE_OPEN, pybreaker.STATE_HALF_OPEN
STATES = (CLOSED, HALF_OPEN, OPEN)  # from the best to the worst

_MAX_CONNECT = 2.0
_TOO_BUSY = 429
_TRANSIENT = frozenset({_TOO_BUSY, 502, 503, 504})
# The request was not sent, or its connection broke. A read that timed out is not among them: it used up the time.
_TRANSIENT_ERRORS = (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ConnectTimeout, httpx.PoolTimeout)

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Answer(NamedTuple):
    """What a party answered to one request; the names of `headers` are in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Unavailable(Exception):
    """The party gave no usable answer. Whether it did what it was asked is unknown."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Rejected(Exception):
    """The party answered that the request is wrong: repeating it helps nobody."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail


class RequestFailed(Unavailable):
    """What one request met. `broken` tells against the party's health; being told to slow down does not."""

    def __init__(self, detail: str, *, transient: bool, broken: bool = True) -> None:
        super().__init__(detail)
        self.transient = transient
        self.broken = broken


class Breaker:
    """pybreaker's states and counting, without its lock around the call.

    `CircuitBreaker.call` holds one lock for the whole call, so it would let one request at a time through, and a slow
    one would hold up those that an open breaker should refuse at once. Here a request is admitted, made without a
    lock, and its outcome reported. Half-open admits one trial; only the trial's outcome then counts. Thread-safe,
    one per process.
    """

    def __init__(self, name: str, *, failures: int, reset_seconds: float) -> None:
        self._lock = threading.Lock()
        self._storage = pybreaker.CircuitMemoryStorage(CLOSED)
        self._machine = pybreaker.CircuitBreaker(
            fail_max=failures, reset_timeout=reset_seconds, name=name, state_storage=self._storage,
            listeners=[_Changes(self)], throw_new_error_on_trip=False,
        )  # fmt: skip
        self.since = datetime.now(UTC)  # of its state
        self.on_change: Callable[[], None] = _nothing  # called at each change of state, with the lock held: be quick

    @property
    def state(self) -> str:
        """`CLOSED`, `OPEN` or `HALF_OPEN`. An open breaker stays so until a request tries it again."""
        return self._machine.current_state

    def describe(self) -> dict[str, Any]:
        """Its state, since when (UTC), and the failures in a row, for people to see."""
        return {"state": self.state, "since": self.since, "failures": self._machine.fail_counter}

    @contextmanager
    def request(self) -> Iterator[None]:
        """Around one request. Raises `Unavailable` instead if the breaker is open."""
        trial = self._admit()
        try:
            yield
        except RequestFailed as failure:
            self._report(trial, failure if failure.broken else None)
            raise
        except Rejected:
            self._report(trial, None)
            raise
        except BaseException:
            # Given up by the caller, which says nothing about the party. A trial must not stay open-ended.
            if trial:
                self._machine.open()
            raise
        self._report(trial, None)

    def _admit(self) -> bool:
        with self._lock:
            if self.state == CLOSED:
                return False
            if self.state == HALF_OPEN or self._rests():
                raise Unavailable(f"{self._machine.name}: the circuit breaker is open")
            self._machine.half_open()
            return True

    def _rests(self) -> bool:
        now, opened = datetime.now(UTC), self._storage.opened_at
        # An opening in the future means that the clock was set back: do not wait for it.
        return opened is not None and opened <= now < opened + timedelta(seconds=self._machine.reset_timeout)

    def _report(self, trial: bool, failure: RequestFailed | None) -> None:
        with self._lock, suppress(RequestFailed):
            if self.state == (HALF_OPEN if trial else CLOSED):
                self._machine.call(_raise, failure)


def _raise(failure: RequestFailed | None) -> None:
    if failure:
        raise failure


def _nothing() -> None:
    pass


class _Changes(pybreaker.CircuitBreakerListener):
    def __init__(self, breaker: Breaker) -> None:
        self._breaker = breaker

    def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
        log.warning(
            "circuit_breaker_changed", party=cb.name, was=old_state and old_state.name, now=new_state.name,
            failures=cb.fail_counter, reset_seconds=cb.reset_timeout,
        )  # fmt: skip
        counters.BREAKER_CHANGES.labels(cb.name, new_state.name).inc()
        self._breaker.since = datetime.now(UTC)
        self._breaker.on_change()


class Outside:
    """One outside party at `url`. Safe to share between threads and across a fork.

    `timeout` is the limit in seconds of a whole call, retries included; `attempts` the most requests a call makes.
    The breaker counts requests, not calls: it opens after `failures` in a row and tries again after `reset_seconds`.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        timeout: float = 5.0,
        attempts: int = 3,
        failures: int = 5,
        reset_seconds: float = 10.0,
    ) -> None:
        self.name = name
        self.breaker = Breaker(name, failures=failures, reset_seconds=reset_seconds)
        self.url = url
        self._timeout = timeout
        self.attempts = attempts
        self._budget = RetryBudget()
        self._clients: dict[int, httpx.Client] = {}
        self._clients_lock = threading.Lock()

    def post(self, path: str, json: Any) -> Any:
        """Sends `json` (anything msgspec encodes) and gives the decoded answer. Raises `Unavailable` or `Rejected`."""
        content, headers = msgspec.json.encode(json), {"content-type": "application/json"}
        return self.call("POST", path, read=self._decode, content=content, headers=headers)

    def get(self, path: str, **query: str | int) -> Any:
        """Reads `path`. Raises `Unavailable` or `Rejected`."""
        return self.call("GET", path, read=self._decode, params=query)

    def call(self, method: str, path: str, *, read: Callable[[Answer], T], **content: Any) -> T:
        """One call of any form: what `read` makes of the answer to `content` (httpx's arguments of a request).

        `read` raises `RequestFailed` for an answer that is none, and `Rejected` for one that calls the request wrong.
        Raises `Unavailable`, and what `read` raises.
        """
        deadline = time.monotonic() + self._timeout
        hook = full_jitter(self._may_retry, attempts=self.attempts, deadline=deadline)
        for attempt in stamina.retry_context(on=hook, attempts=self.attempts, timeout=None):
            if attempt.num > 1:
                counters.RETRIES.labels(self.name).inc()
            with attempt, self.breaker.request(), _counted(self.name):
                answer = read(self._request(method, path, deadline=deadline, **content))
        self._budget.earn()
        return answer

    def _may_retry(self, error: Exception) -> bool:
        return isinstance(error, RequestFailed) and error.transient and self._budget.spend()

    def _request(self, method: str, path: str, *, deadline: float, **content: Any) -> Answer:
        left = max(deadline - time.monotonic(), 0.001)
        timeout = httpx.Timeout(left, connect=min(left, _MAX_CONNECT))
        try:
            with self._client().stream(method, path, timeout=timeout, **content) as response:
                return Answer(response.status_code, response.headers, b"".join(_until(deadline, response)))
        except httpx.HTTPError as error:
            transient = isinstance(error, _TRANSIENT_ERRORS)
            raise RequestFailed(f"{self.name}: {type(error).__name__} {error}", transient=transient) from error

    def _decode(self, answer: Answer) -> Any:
        status = answer.status
        if status == _TOO_BUSY or status >= 500:
            broken = status != _TOO_BUSY
            raise RequestFailed(f"{self.name} answered {status}", transient=status in _TRANSIENT, broken=broken)
        if not 200 <= status < 300:
            raise Rejected(status, answer.body[:500].decode(errors="replace"))
        try:
            return msgspec.json.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RequestFailed(f"{self.name}: the answer is no JSON", transient=False) from error

    def _client(self) -> httpx.Client:
        # By process: connections and their locks must not be shared with a forked child.
        with self._clients_lock:
            client = self._clients.get(os.getpid())
            if client is None:
                # No proxies out of the environment: who is called is what the settings say.
                client = httpx.Client(base_url=self.url, trust_env=False)
                self._clients[os.getpid()] = client
            return client


@contextmanager
def _counted(party: str) -> Iterator[None]:
    outcome = "failed"
    try:
        yield
        outcome = "ok"
    except Rejected:
        outcome = "rejected"
        raise
    finally:
        counters.REQUESTS.labels(party, outcome).inc()


def _until(deadline: float, response: httpx.Response) -> Iterator[bytes]:
    # httpx limits the wait for each piece, not for the whole: an answer that drips would never end.
    for piece in response.iter_bytes():
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the answer took too long", request=response.request)
        yield piece
