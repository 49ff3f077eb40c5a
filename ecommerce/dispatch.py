"""Hands what the log calls for to Celery. A task that gets lost here is found again by the service's sweep."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import structlog
from celery import current_app
from kombu.exceptions import OperationalError

from ecommerce.messages import Envelope
from ecommerce.service import Service

log = structlog.get_logger(__name__)

# So many operations a task at most: what the outside parties take in one call.
_AT_ONCE = 500


def ask_outside(service: Service, facts: Iterable[Envelope[Any]]) -> None:
    """Queues the tasks that ask the outside world about the aggregates of `facts`, in chunks."""
    keys: dict[str, list[str]] = defaultdict(list)
    for fact in facts:
        keys[service.asks[type(fact.payload)]].append(fact.payload.key)
    try:
        for task, wanted in keys.items():
            for chunk in _chunks(wanted):
                current_app.send_task(task, args=[chunk], queue="outside")
    except (OperationalError, OSError) as error:
        log.warning("task not queued, the sweep will find it", error=repr(error), tasks=sorted(keys))


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), _AT_ONCE):
        yield keys[start : start + _AT_ONCE]
