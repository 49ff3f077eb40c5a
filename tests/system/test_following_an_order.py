"""From an order's id to every line and every span that there is of it, in all processes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from ecommerce.environment import SERVICES
from tests.pipeline import URL
from tests.system.conftest import Pipeline
from tests.system.watching import BODY, ended, place
from tests.waiting import until

DEADLINE_SECONDS = 600
FILE = "OTEL_TRACES_FILE"
NAMES = {
    "POST /api/v1/orders", "orders take PlaceOrder", "relay OrderCreated", "inventory take OrderCreated",
    "payments.authorize", "gateway /authorize", "payments take ChargeAuthorized", "payments.capture",
    "shipping.book", "carrier /book", "shipping take CarrierAccepted", "relay OrderCompleted",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def traces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file that all processes write their spans to."""
    path = tmp_path_factory.mktemp("traces") / "spans.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FILE, str(path))
        yield path


def spans_of(path: Path, order_id: str) -> list[dict[str, Any]]:
    """The spans of the order's trace."""
    trace, lines = f"0x{order_id.replace('-', '')}", path.read_text().splitlines() if path.exists() else []
    return [span for span in map(json.loads, lines) if span["context"]["trace_id"] == trace]


def lines_of(pipeline: Pipeline, process: str, order_id: str) -> list[dict[str, Any]]:
    """The lines in a process' log that name the order."""
    text = pipeline.processes[process].log.read_text()
    return [msgspec.json.decode(line) for line in text.splitlines() if order_id in line]


def test_an_orders_id_leads_to_the_lines_of_every_process_and_to_one_trace(pipeline: Pipeline, traces: Path) -> None:
    placed = place(pipeline.shop, 1)
    ended(pipeline.shop, placed)
    order_id = placed[0].order_id
    trace = order_id.replace("-", "")

    def whole() -> bool:
        found = spans_of(traces, order_id)
        ids = {span["context"]["span_id"] for span in found}
        names = {span["name"] for span in found}
        return names >= NAMES and all(span["parent_id"] is None or span["parent_id"] in ids for span in found)

    until("all spans to be written", whole, seconds=90)
    spans = spans_of(traces, order_id)
    assert len(spans) >= 20
    assert {span["resource"]["attributes"]["service.name"] for span in spans} >= {*SERVICES, "web", "relay"}
    tops = {span["name"] for span in spans if span["parent_id"] is None}
    assert tops <= {"POST /api/v1/orders", "POST /api/v1/webhooks/carrier", "payments.capture", "shipping.book"}
    # And the lines: of each process, at least one, all of them with the trace.
    consumers = [f"consumer-{name}" for name in SERVICES]
    for process in ("web", *consumers, "relay", "worker-payments", "worker-shipping"):
        lines = lines_of(pipeline, process, order_id)
        assert lines, process
        about = [line for line in lines if line.get("correlation_id") == order_id]
        assert about, process
        assert {line["trace_id"] for line in about} == {trace}
    assert {line["event"] for line in lines_of(pipeline, "worker-payments", order_id)} >= {"task", "taken"}
    assert {line["event"] for line in lines_of(pipeline, "relay", order_id)} == {"relayed"}
    decided = {
        (line["service"], line["event_type"])
        for process in consumers
        for line in lines_of(pipeline, process, order_id)
        if line["event"] == "taken"
    }
    assert {service for service, _ in decided} == {*SERVICES}
    (request,) = [line for line in lines_of(pipeline, "web", order_id) if line.get("path") == "/api/v1/orders"]
    assert (request["method"], request["status"]) == ("POST", 201)


def test_a_request_keeps_the_ids_that_its_caller_gave_it(pipeline: Pipeline) -> None:
    given = {"X-Request-ID": "of-the-caller.1", "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}
    answer = httpx.get(f"{URL}/api/v1/products", headers=given)
    assert answer.headers["X-Request-ID"] == given["X-Request-ID"]
    assert answer.headers["traceparent"].startswith(f"00-{'ab' * 16}-")
    lines = lines_of(pipeline, "web", given["X-Request-ID"])
    assert [(line["path"], line["trace_id"]) for line in lines] == [("/api/v1/products", "ab" * 16)]


@pytest.mark.parametrize(
    "given",
    [
        {"X-Request-ID": "two words", "traceparent": "none"},
        {"X-Request-ID": "x" * 101, "traceparent": f"00-{'0' * 32}-{'cd' * 8}-01"},
        {"X-Request-ID": '"}{', "traceparent": f"ff-{'ab' * 16}-{'cd' * 8}-01"},
    ],
)
def test_ids_that_are_malformed_are_replaced(pipeline: Pipeline, given: dict[str, str]) -> None:
    answer = httpx.get(f"{URL}/api/v1/products", headers=given)
    assert answer.headers["X-Request-ID"] != given["X-Request-ID"]
    assert len(answer.headers["X-Request-ID"]) == 36
    assert re.fullmatch("00-(?!0{32}|(ab){16})[0-9a-f]{32}-[0-9a-f]{16}-01", answer.headers["traceparent"])


def test_a_repeated_command_is_told_as_a_duplicate_of_the_same_order(pipeline: Pipeline) -> None:
    token = {"username": "alice", "password": "demo-pass-1"}
    access = httpx.post(f"{URL}/api/v1/auth/token", json=token).json()["access"]
    headers = {"Authorization": f"Bearer {access}", "Idempotency-Key": "2f1e5e5e-0000-4000-8000-000000000001"}
    first, second = (httpx.post(f"{URL}/api/v1/orders", json=BODY, headers=headers, timeout=60) for _ in range(2))
    assert first.content == second.content
    lines = lines_of(pipeline, "web", first.json()["orderId"])
    assert [line["event"] for line in lines if line["event"] != "request"] == ["taken", "duplicate"]
    assert {line["within"] for line in lines if "within" in line} == {
        answer.headers["X-Request-ID"] for answer in (first, second)
    }
