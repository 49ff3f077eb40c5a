"""Hands what the log calls for to Celery. A task that gets lost here is found again by the service's sweep.

Tasks are queued by a thread of its own: whoever has committed, a customer's request say, does not wait for Redis.
"""

import queue
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import structlog
from celery import current_app
from kombu.exceptions import OperationalError

from ecommerce import tracing
from ecommerce.messages import Envelope
from ecommerce.service import Service

log = structlog.get_logger(__name__)

# So many operations a task at most: what the outside parties take in one call.
_AT_ONCE = 500
_MOST_WAITING = 1000  # tasks, while Redis is away
PARENTS = "trace_parents"  # a header of a task

Headers = dict[str, Any] | None


class Dispatcher:
    """Queues tasks in the order in which they come, up to `most_waiting` of them, from any number of threads."""

    def __init__(self, *, most_waiting: int = _MOST_WAITING) -> None:
        self._waiting: queue.Queue[tuple[str, str, Sequence[str], Headers]] = queue.Queue(most_waiting)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def queue(self, task: str, keys: Sequence[str], *, on: str, headers: Headers = None) -> None:
        """Has `task` queued for the aggregates `keys`, soon, on the Celery queue `on`."""
        try:
            self._waiting.put_nowait((on, task, keys, headers))
        except queue.Full:
            log.warning("task not queued, the sweep will find it", error="too many are waiting", task=task)
        self._start()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():  # at first, and after a fork
                self._thread = threading.Thread(target=self._work, name="dispatcher", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            on, task, keys, headers = self._waiting.get()
            try:
                current_app.send_task(task, args=[keys], queue=on, headers=headers)
            except (OperationalError, OSError) as error:
                log.warning("task not queued, the sweep will find it", error=repr(error), task=task)


_dispatcher = Dispatcher()


def ask_outside(service: Service, facts: Iterable[Envelope[Any]]) -> None:
    """Has the tasks queued that ask the outside world about the aggregates of `facts`, in chunks.

    On the service's own queue: a party that hangs keeps its own workers busy, not those of another.
    """
    asked: dict[str, list[Envelope[Any]]] = defaultdict(list)
    for fact in facts:
        asked[service.asks[type(fact.payload)]].append(fact)
    for task, wanted in asked.items():
        for chunk in _chunks(wanted):
            keys = [fact.payload.key for fact in chunk]
            _dispatcher.queue(task, keys, on=service.name, headers=_traced(service, chunk))


def _traced(service: Service, facts: Sequence[Envelope[Any]]) -> Headers:
    """The spans that the task's are below, by order: those of the taking that called for it."""
    if not tracing.is_on():
        return None
    return {PARENTS: {fact.payload.key: tracing.span_id(service.name, fact.causation_id or "") for fact in facts}}


def _chunks(facts: Sequence[Envelope[Any]]) -> Iterator[Sequence[Envelope[Any]]]:
    for start in range(0, len(facts), _AT_ONCE):
        yield facts[start : start + _AT_ONCE]
