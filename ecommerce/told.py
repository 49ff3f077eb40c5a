"""A Celery task, told: the lines inside it, one line at its end, a count, and a span for each of its orders."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog

from ecommerce import counters, identity, tracing
from ecommerce.dispatch import PARENTS

log = structlog.get_logger(__name__)


@contextmanager
def task(name: str, request: Any, args: tuple[Any, ...]) -> Iterator[None]:
    """Around a task; `request` is Celery's. Its first argument, where it is a list, are the orders that it is about."""
    id = request.id or identity.new_id()
    orders = [order for order in args[0] if isinstance(order, str)] if args and isinstance(args[0], list) else []
    parents = getattr(request, PARENTS, None)
    began, outcome = time.monotonic(), "failed"
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(task=name, task_id=id)
    service = name.partition(".")[0]
    with tracing.step(
        name, id=id, service=service, orders=orders, parents=parents if isinstance(parents, Mapping) else {}
    ) as step:
        try:
            yield
            outcome = "ok"
        finally:
            seconds = time.monotonic() - began
            counters.TASKS.labels(name, outcome).observe(seconds)
            # Those that found nothing to do run every second.
            tell = log.info if step.orders or outcome != "ok" else log.debug
            about = {"correlation_ids": [*step.orders]} if len(step.orders) > 1 else {}
            tell("task", service=service, outcome=outcome, ms=round(seconds * 1000, 1), **about)
    structlog.contextvars.clear_contextvars()
