"""Tells what happened, once it is certain: in a line, a count and a span for each input taken and each message relayed.

Lines and spans have the ids by which an order is followed through all processes.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ecommerce import counters, identity, logging, outbox, tracing
from ecommerce.inputs import Input, Outcome
from ecommerce.service import Service
from ecommerce.storage import Document
from ecommerce.tracing import Kind

_log = logging.Lines(__name__)


def taken(service: Service, outcomes: Sequence[Outcome], *, began: int) -> None:
    """After the commit of a batch that was begun at `began` (nanoseconds since 1970)."""
    if not outcomes:
        return
    now = identity.now()
    counters.BATCHES.labels(service.name).observe(len(outcomes))
    counts: dict[tuple[str, str], int] = {}
    hops = counters.HOPS.labels(service.name)
    for outcome in outcomes:
        kind = (_type_of(outcome.input), _name_of(outcome))
        counts[kind] = counts.get(kind, 0) + 1
        if outcome.input.source and outcome.input.envelope and not outcome.duplicate:
            hops.observe(max(0.0, (now - outcome.input.envelope.timestamp).total_seconds()))
        for event in outcome.events if service.ends else ():
            if (ended := service.ends.get(type(event.payload))) and outcome.began:
                counters.SAGAS.labels(ended).observe(max(0.0, (now - outcome.began).total_seconds()))
    for (event_type, name), count in counts.items():
        counters.INPUTS.labels(service.name, event_type, name).inc(count)
    if _log.is_on():
        _log.info(_lines(service, outcomes))
    if tracing.is_on():
        _record(service, outcomes, began=began)


def _lines(service: Service, outcomes: Iterable[Outcome]) -> Iterator[dict[str, Any]]:
    for outcome in outcomes:
        given = outcome.input
        correlation = _correlation_of(given)
        line = {
            "event": _name_of(outcome),
            "service": service.name,
            "event_type": _type_of(given),
            "event_id": given.id,
            "correlation_id": correlation,
            "causation_id": given.envelope.causation_id if given.envelope else None,
            "trace_id": tracing.trace_id(correlation),
            "made": [event.event_type for event in outcome.events],
        }
        if given.within:
            line["within"] = given.within.id
        yield line


def _record(service: Service, outcomes: Sequence[Outcome], *, began: int) -> None:
    end = time.time_ns()
    for outcome in outcomes:
        if outcome.duplicate:  # its span is there, under the same id
            continue
        given, correlation = outcome.input, _correlation_of(outcome.input)
        trace = tracing.trace_id(correlation)
        tracing.record(
            f"{service.name} take {_type_of(given)}",
            trace=trace,
            id=tracing.span_id(service.name, given.id),
            parent=_parent_of(given, correlation, trace),
            order=correlation,
            service=service.name,
            kind=Kind.CONSUMER if given.source else Kind.INTERNAL,
            start=began,
            end=end,
            attributes={
                "event.id": given.id,
                "outcome": _name_of(outcome),
                "batch.inputs": len(outcomes),
                "made": [event.event_type for event in outcome.events],
            },
            error=str(outcome.refused or ("parked" if outcome.parked else ""))[:500],
        )


def _parent_of(given: Input, correlation: str, trace: str) -> str:
    if given.within:
        return given.within.span(correlation)
    if given.source is None:
        return ""
    header = tracing.parsed((given.source.header("traceparent") or b"").decode(errors="replace"))
    return header[1] if header and header[0] == trace else tracing.span_id(given.id)


def relayed(documents: Sequence[tuple[Document, int]]) -> None:
    """Outbox documents, each with the time (nanoseconds since 1970) of its last acknowledgement."""
    telling, recording = _log.is_on(), tracing.is_on()
    counts: dict[str, int] = {}
    lines: list[dict[str, Any]] = []
    for document, at in documents:
        written = outbox.written_at(document)
        for message in document["messages"]:
            service, _, kind = message["topic"].partition(".")
            counts[service] = counts.get(service, 0) + 1
            if kind == "events" and (telling or recording):
                line = _relayed(service, message)
                lines.append(line)
                if recording:
                    _record_relayed(line, message["topic"], start=identity.milliseconds(written) * 1_000_000, end=at)
        counters.RELAY_DELAY.labels(service).observe(max(0.0, at / 1e9 - written.timestamp()))
    for service, count in counts.items():
        counters.RELAYED.labels(service).inc(count)
    _log.info(lines)


def _relayed(service: str, message: Document) -> dict[str, Any]:
    headers = {name: value.decode(errors="replace") for name, value in message["headers"]}
    correlation, cause = headers["correlation-id"], headers["causation-id"]
    trace, span = tracing.parsed(headers["traceparent"]) or (tracing.trace_id(correlation), tracing.span_id(""))
    return {
        "event": "relayed",
        "service": service,
        "event_type": headers["event-type"],
        "correlation_id": correlation,
        "causation_id": cause,
        "trace_id": trace,
        "span_id": span,
    }


def _record_relayed(line: dict[str, Any], topic: str, *, start: int, end: int) -> None:
    tracing.record(
        f"relay {line['event_type']}",
        trace=line["trace_id"],
        id=line["span_id"],
        parent=tracing.span_id(line["service"], line["causation_id"]),
        order=line["correlation_id"],
        service="relay",
        kind=Kind.PRODUCER,
        start=start,
        end=end,
        attributes={"messaging.system": "kafka", "messaging.destination.name": topic},
    )


def _correlation_of(given: Input) -> str:
    return (given.envelope.correlation_id if given.envelope else given.key)[:200]


def _type_of(given: Input) -> str:
    return given.envelope.event_type if given.envelope else ""


def _name_of(outcome: Outcome) -> str:
    if outcome.duplicate:
        return "duplicate"
    if outcome.refused:
        return "refused"
    return "parked" if outcome.parked else "taken"
