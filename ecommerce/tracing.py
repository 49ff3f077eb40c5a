"""Traces: one an order, from the request that places it to its last event.

No state is carried along that could get lost. A trace's id is its order's; a span's follows from what it is the span
of, so whoever knows an input's cause knows the span above it, in whatever process that was. A span is recorded when it
has ended: nothing has to be closed, and a batch records one for each of its orders.

Off, and then nearly free, unless the settings say where spans go. Recording never raises and never waits.
"""

import hashlib
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Any

import structlog
from django.conf import settings

_HEX = frozenset("0123456789abcdef")
_traceparent = re.compile("[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}").fullmatch

log = structlog.get_logger(__name__)


class Kind(StrEnum):
    """Which end of a call or message a span is."""

    SERVER = "SERVER"
    CLIENT = "CLIENT"
    PRODUCER = "PRODUCER"
    CONSUMER = "CONSUMER"
    INTERNAL = "INTERNAL"


def trace_id(order: str) -> str:
    """The trace of an order (or of whatever else a correlation id names), 32 hexadecimal digits."""
    trace = order.replace("-", "")
    if len(trace) == 32 and _HEX.issuperset(trace):
        return trace
    return hashlib.blake2b(order.encode(errors="replace"), digest_size=16).hexdigest()


def span_id(*of: str) -> str:
    """The span of something, 16 hexadecimal digits: of an event by its id, of its taking by the service and its id."""
    return hashlib.blake2b(":".join(of).encode(), digest_size=8).hexdigest()


def traceparent(correlation_id: str, event_id: str) -> str:
    """W3C trace context of an event on its way."""
    return f"00-{trace_id(correlation_id)}-{span_id(event_id)}-01"


def parsed(header: str) -> tuple[str, str] | None:
    """The trace and the span that a `traceparent` names; None where it is malformed."""
    found = _traceparent(header)
    if found is None or header[:2] == "ff" or not found[1].strip("0") or not found[2].strip("0"):
        return None
    return found[1], found[2]


class Step:
    """What is under way in this thread, a request or a task say, for any number of orders."""

    def __init__(self, name: str, *, id: str, service: str, kind: Kind, parents: Mapping[str, str]) -> None:
        self.name = name
        self.id = id
        self.service = service
        self.kind = kind
        self.orders: dict[str, None] = {}
        self.attributes: dict[str, Any] = {}
        self.error = ""
        self.alone = ("", "")  # the trace, and the span above, where it is about no order
        self._parents = parents
        self._above = current()
        self.began = time.time_ns()

    def about(self, order: str) -> None:
        """It concerns this order, as do the lines that are logged in it if it concerns no other."""
        if order in self.orders:
            return
        self.orders[order] = None
        if len(self.orders) == 1:
            structlog.contextvars.bind_contextvars(correlation_id=order)
        else:
            structlog.contextvars.unbind_contextvars("correlation_id")

    def span(self, order: str) -> str:
        """Its span in the trace of an order."""
        return span_id(self.id, order)

    def record(self) -> None:
        """Records its spans."""
        if not is_on():
            return
        shared: dict[str, Any] = {"service": self.service, "kind": self.kind, "error": self.error}
        shared |= {"start": self.began, "end": time.time_ns(), "attributes": self.attributes}
        trace, above = self.alone
        for order in self.orders if not trace else ():
            parent = self._above.span(order) if self._above else self._parents.get(order, "")
            record(self.name, trace=trace_id(order), id=self.span(order), parent=parent, order=order, **shared)
        if trace:
            record(self.name, trace=trace, id=self.span(""), parent=above, order="", **shared)


_current: ContextVar[Step | None] = ContextVar("step", default=None)
_NONE: Mapping[str, str] = {}


def current() -> Step | None:
    """The step that this thread is in."""
    return _current.get()


@contextmanager
def step(
    name: str,
    *,
    id: str,
    service: str = "",
    kind: Kind = Kind.INTERNAL,
    orders: Iterable[str] = (),
    parents: Mapping[str, str] = _NONE,
) -> Iterator[Step]:
    """What happens inside is this step's. Below another one it is a part of that; else `parents` are its by order."""
    above = current()
    own = Step(name, id=id, service=service or (above.service if above else ""), kind=kind, parents=parents)
    token = _current.set(own)
    try:
        for order in orders:
            own.about(order)
        yield own
    except BaseException as error:
        own.error = own.error or repr(error)[:500]
        raise
    finally:
        _current.reset(token)
        own.record()


def is_on() -> bool:
    """Whether spans go anywhere."""
    env = settings.ENV
    return bool(env.OTEL_EXPORTER_OTLP_ENDPOINT or env.OTEL_TRACES_FILE)


def record(
    name: str,
    *,
    trace: str,
    id: str,
    parent: str,
    order: str,
    service: str,
    kind: Kind,
    start: int,
    end: int,
    attributes: Mapping[str, Any] = _NONE,
    error: str = "",
) -> None:
    """A span that has ended; `start` and `end` in nanoseconds since 1970, `parent` is "" at the top of a trace."""
    # The last digits are random in every kind of id; the half that OpenTelemetry's own sampler reads is not in a UUID.
    if not is_on() or int(trace[-14:], 16) >= settings.ENV.OTEL_TRACES_RATIO * 16**14:
        return
    try:
        from ecommerce import exporting  # only here: who does not trace does not load it

        exporting.export(
            name, trace=trace, id=id, parent=parent, service=service, kind=kind, start=start, end=max(start, end),
            attributes={**attributes, **({"order.id": order} if order else {})}, error=error,
        )  # fmt: skip
    except Exception as failure:  # a span is never worth the work that it tells of
        log.warning("span not recorded", span=name, error=repr(failure)[:500])
