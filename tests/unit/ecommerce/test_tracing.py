"""Ids of traces, what they are derived from, and that a span that cannot be recorded costs nothing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.conf import settings

from ecommerce import exporting, identity, tracing
from ecommerce.tracing import Kind
from tests.sandbox import free_port

ORDER = "0199c0de-0000-7000-8000-00000000abcd"
CALLER = f"00-{'ab' * 16}-{'cd' * 8}-01"


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The file that spans go to."""
    yield from _exporting(monkeypatch, tmp_path / "spans.jsonl", OTEL_TRACES_FILE=str(tmp_path / "spans.jsonl"))


def _exporting(monkeypatch: pytest.MonkeyPatch, path: Path, **given: Any) -> Iterator[Path]:
    monkeypatch.setattr(settings, "ENV", settings.ENV.model_copy(update=given))
    exporting._processors.cache_clear()
    yield path
    exporting._processors.cache_clear()


def written(path: Path) -> list[dict[str, Any]]:
    for processor in exporting._processors(exporting.os.getpid()):
        processor.force_flush()
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def one(trace: str = tracing.trace_id(ORDER)) -> None:
    tracing.record(
        "one", trace=trace, id="ab" * 8, parent="", order=ORDER, service="orders", kind=Kind.INTERNAL, start=1, end=2
    )


def test_a_trace_is_its_orders_own() -> None:
    assert tracing.trace_id(ORDER) == "0199c0de000070008000" + "00000000abcd"
    assert len(tracing.trace_id("SKU-1")) == 32
    assert tracing.trace_id("SKU-1") != tracing.trace_id("SKU-2")


@pytest.mark.parametrize(
    "header",
    ["", "00", CALLER.upper(), CALLER[:-1], CALLER + "0", f"ff{CALLER[2:]}", CALLER.replace("ab", "00"),
     CALLER.replace("cd", "00")],
)  # fmt: skip
def test_a_traceparent_that_is_malformed_names_nothing(header: str) -> None:
    assert tracing.parsed(header) is None
    assert tracing.parsed(CALLER) == ("ab" * 16, "cd" * 8)


def test_steps_below_each_other_are_spans_below_each_other_in_each_orders_trace(traces: Path) -> None:
    orders = [identity.new_id(), identity.new_id()]
    with (
        tracing.step("task", id="1", service="payments", orders=orders, parents={orders[0]: "ee" * 8}) as task,
        tracing.step("call", id="2", kind=Kind.CLIENT, orders=orders[:1]),
    ):
        assert tracing.current() is not task
    assert tracing.current() is None
    spans = {(span["name"], span["context"]["trace_id"]): span for span in written(traces)}
    first, second = (f"0x{tracing.trace_id(order)}" for order in orders)
    assert set(spans) == {("task", first), ("task", second), ("call", first)}
    assert spans["task", first]["parent_id"] == "0x" + "ee" * 8
    assert spans["task", second]["parent_id"] is None
    assert spans["call", first]["parent_id"] == spans["task", first]["context"]["span_id"]
    assert spans["call", first]["resource"]["attributes"]["service.name"] == "payments"


def test_a_step_that_fails_says_so_in_its_span_and_raises(traces: Path) -> None:
    with pytest.raises(RuntimeError, match="gone"), tracing.step("task", id="1", service="payments", orders=[ORDER]):
        raise RuntimeError("it is gone")
    (span,) = written(traces)
    assert span["status"] == {"status_code": "ERROR", "description": "RuntimeError('it is gone')"}


def test_what_is_logged_about_one_order_has_its_id_and_about_several_none() -> None:
    def bound() -> Any:
        return structlog.contextvars.get_contextvars().get("correlation_id")

    structlog.contextvars.clear_contextvars()
    with tracing.step("task", id="1") as step:
        step.about(ORDER)
        assert bound() == ORDER
        step.about(ORDER)
        assert bound() == ORDER
        step.about("other")
        assert bound() is None


def test_without_a_place_to_go_nothing_is_recorded(traces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ENV", settings.ENV.model_copy(update={"OTEL_TRACES_FILE": ""}))
    one()
    assert not traces.exists()


@pytest.mark.parametrize(("ratio", "least", "most"), [(0.0, 0, 0), (0.5, 350, 650), (1.0, 1000, 1000)])
def test_a_share_of_the_orders_is_traced_each_of_them_wholly(
    monkeypatch: pytest.MonkeyPatch, traces: Path, ratio: float, least: int, most: int
) -> None:
    monkeypatch.setattr(settings, "ENV", settings.ENV.model_copy(update={"OTEL_TRACES_RATIO": ratio}))
    for _ in range(1000):
        trace = tracing.trace_id(identity.derived_id("order", identity.new_id()))
        one(trace)
        one(trace)
    counts: dict[str, int] = {}
    for span in written(traces):
        counts[span["context"]["trace_id"]] = counts.get(span["context"]["trace_id"], 0) + 1
    assert least <= len(counts) <= most
    assert set(counts.values()) <= {2}


def test_a_collector_that_is_down_is_said_once_and_stops_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    for path in _exporting(monkeypatch, tmp_path / "none", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint):
        for _ in range(3):
            one()
            assert written(path) == []
    assert caplog.text.count("spans are lost") == 1


def test_a_span_that_cannot_be_made_is_no_error(traces: Path, caplog: pytest.LogCaptureFixture) -> None:
    one(trace="no hexadecimal digits but 00000000000000")
    assert "span not recorded" in caplog.text
    assert written(traces) == []
