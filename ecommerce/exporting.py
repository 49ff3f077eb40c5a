"""Where spans go: to an OTLP collector, to a file, or to both. Loaded by the first process that records one.

A thread of its own sends them every second; what does not fit into its queue meanwhile is dropped.
"""

import atexit
import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import structlog
from django.conf import settings
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

_SECONDS = 2.0  # for one request to the collector, retries included
_EVERY_MS = 1000
_MOST_WAITING = 16_384
_AT_ONCE = 2048
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_SCOPE = InstrumentationScope("ecommerce")
_OK = Status(StatusCode.UNSET)

log = structlog.get_logger(__name__)


class FileExporter(SpanExporter):
    """Appends a JSON line a span; any number of processes may share the file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        data = "".join(f"{span.to_json(indent=None)}\n" for span in spans).encode()
        with open(self._path, "ab", buffering=0) as file:  # one write, so that those of others stand beside it
            file.write(data)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing is open."""


class Announced(SpanExporter):
    """Another exporter, whose failing is said when it begins and when it ends, not every second."""

    def __init__(self, exporter: SpanExporter, name: str) -> None:
        self._exporter = exporter
        self._name = name
        self._fails = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            result, error = self._exporter.export(spans), ""
        except Exception as failure:
            result, error = SpanExportResult.FAILURE, repr(failure)[:500]
        fails = result is not SpanExportResult.SUCCESS
        if fails and not self._fails:
            log.warning("spans are lost", exporter=self._name, error=error)
        elif self._fails and not fails:
            log.info("spans are exported again", exporter=self._name)
        self._fails = fails
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


@cache
def _processors(pid: int) -> list[BatchSpanProcessor]:
    """Those of this process: a forked child has its own, since threads are not inherited."""
    env, exporters = settings.ENV, []
    if env.OTEL_TRACES_FILE:
        exporters.append(Announced(FileExporter(env.OTEL_TRACES_FILE), env.OTEL_TRACES_FILE))
    if endpoint := env.OTEL_EXPORTER_OTLP_ENDPOINT:
        otlp = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=_SECONDS)
        exporters.append(Announced(otlp, endpoint))
    processors = [
        BatchSpanProcessor(
            each, max_queue_size=_MOST_WAITING, schedule_delay_millis=_EVERY_MS, max_export_batch_size=_AT_ONCE
        )
        for each in exporters
    ]
    for each in processors:
        atexit.register(each.shutdown)  # which sends what is left
    return processors


@cache
def _resource(service: str) -> Resource:
    return Resource({"service.name": service, "service.namespace": "ecommerce", "process.pid": os.getpid()})


def _context(trace: str, span: str) -> SpanContext:
    return SpanContext(int(trace, 16), int(span, 16), is_remote=False, trace_flags=_SAMPLED)


def export(
    name: str,
    *,
    trace: str,
    id: str,
    parent: str,
    service: str,
    kind: str,
    start: int,
    end: int,
    attributes: Mapping[str, Any],
    error: str,
) -> None:
    """Puts a span into the queue."""
    span = ReadableSpan(
        name,
        context=_context(trace, id),
        parent=_context(trace, parent) if parent else None,
        resource=_resource(service),
        attributes=attributes,
        kind=SpanKind[kind],
        status=Status(StatusCode.ERROR, error) if error else _OK,
        start_time=start,
        end_time=end,
        instrumentation_scope=_SCOPE,
    )
    for processor in _processors(os.getpid()):
        processor.on_end(span)
