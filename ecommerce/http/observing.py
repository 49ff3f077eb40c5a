"""Requests, told: the ids by which one is followed, one line at its end, and its span in the trace of its order."""

import logging as levels
import re
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from ecommerce import identity, logging, tracing
from ecommerce.tracing import Kind

REQUEST_ID = "X-Request-ID"
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_LONGEST_ID = 100
_well_formed = re.compile("[A-Za-z0-9._-]{1,100}").fullmatch
_placeholder = re.compile("<(?:[^:>]*:)?([^>]*)>")

_log = logging.Lines(__name__)


class Observing:
    """Takes the ids that a caller gives (`X-Request-ID`, `traceparent`) where they are well-formed; answers with them.

    A request that changes something about orders has its span in their traces, any other in its caller's or its own.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._service = "web" if settings.ENV.SERVICE == "all" else settings.ENV.SERVICE

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.monotonic()
        given = request.headers.get(REQUEST_ID, "")
        id = given if _well_formed(given) else identity.new_id()
        caller = tracing.parsed(request.headers.get("traceparent", ""))
        own = caller or (tracing.trace_id(id), "")
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=id, trace_id=own[0])
        with tracing.step(request.method or "", id=id, service=self._service, kind=Kind.SERVER) as step:
            response = self._get_response(request)
            path = _template(request)
            step.name = f"{request.method} {path}"
            step.attributes |= {"request.id": id, "http.response.status_code": response.status_code}
            if caller:
                step.attributes["caller.trace_id"] = caller[0]
            if not step.orders or request.method in _SAFE:
                step.alone = own
            step.error = f"status {response.status_code}" if response.status_code >= 500 else ""
        order = next(iter(step.orders)) if len(step.orders) == 1 else ""
        trace = step.alone[0] or tracing.trace_id(order)
        response.headers[REQUEST_ID] = id
        response.headers["traceparent"] = f"00-{trace}-{step.span(order if not step.alone[0] else '')}-01"
        line: dict[str, Any] = {"event": "request", "request_id": id, "method": request.method, "path": path}
        line |= {"status": response.status_code, "ms": round((time.monotonic() - began) * 1000, 1)}
        line |= {"trace_id": tracing.trace_id(order) if order else own[0]}
        if step.orders:
            line["correlation_id" if order else "correlation_ids"] = order or [*step.orders]
        _log.log(levels.DEBUG if path in _PROBES else levels.INFO, [line])
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]) -> None:
        """Whose path names an order is about it."""
        step, order = tracing.current(), kwargs.get("order_id")
        if step and isinstance(order, str):
            step.about(order[:_LONGEST_ID])


def _template(request: HttpRequest) -> str:
    """The path as the URLs spell it: what differs between orders would be a name of its own for each."""
    match = request.resolver_match
    return "/" + _placeholder.sub(r"{\1}", match.route) if match else "(none)"
