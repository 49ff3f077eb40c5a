"""`make bench` in small: it measures all that it reports, and leaves nothing behind. Not a part of `make test`."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.local import places
from deploy.local.servers import poll

BENCH = [sys.executable, "-m", "tests.load", "--repeat", "1", "--seconds", "2", "--orders", "300"]


def processes(mark: str) -> list[int]:
    """Those that a bench with `mark` in its environment has started, and itself."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and mark.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue  # it has just ended
    return found


def test_a_small_bench_reports_every_row_and_proves_the_pipeline(tmp_path: Path) -> None:
    rows = ["--sizes", "400", "--pages", "200", "400", "--consumers", "2", "--watchers", "20", "--watched-seconds", "3"]
    options = ["--keeper", *rows, "--small-orders", "300", "--into", str(tmp_path)]
    subprocess.run([*BENCH, *options], cwd=places.ROOT, check=True, timeout=600)
    report = json.loads((tmp_path / "report.json").read_text())
    assert [drain["orders"] for drain in report["floor_drains"] + report["pipeline_drains"]] == [300, 300]
    (keeper,) = report["keeper_drains"]
    assert keeper["orders"] == 300
    assert {"gateway", "carrier"} <= keeper["usage"]["cpu"].keys()
    assert {rate: runs[0]["orders"] for rate, runs in report["pipeline_latencies"].items()} == {
        "10": 20,
        "50": 100,
        "100": 200,
    }
    assert list(report["floor_latencies"]) == ["10", "50"]
    assert list(report["intakes"]) == ["1", "8", "32"]
    assert list(report["by_size"]) == ["400"]
    assert list(report["by_consumers"]) == ["2"]
    assert list(report["pages_by_size"]) == ["200", "400"]
    (watched,) = report["watched"]
    assert (watched["clients"], watched["orders"] > 200, watched["late"]) == (20, True, 0)
    assert len(report["proofs"]) == 3
    assert all("0 violations; no difference" in proof for proof in report["proofs"])
    assert report["guarantees"]["an input that comes twice"] == "is dropped: the log has it"
    assert "pipeline ÷ floor" in (tmp_path / "report.txt").read_text()
    assert "pipeline ÷ keeper" in (tmp_path / "report.txt").read_text()
    assert (tmp_path / "report.svg").read_text().startswith("<svg")


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_bench_that_is_ended_midway_leaves_no_process(tmp_path: Path, by: signal.Signals) -> None:
    mark = f"BENCH_UNDER_TEST={os.getpid()}-{by}"
    name, _, value = mark.partition("=")
    log = tmp_path / "log"
    with log.open("w") as said:
        bench = subprocess.Popen(BENCH, cwd=places.ROOT, env=os.environ | {name: value}, stderr=said)
    try:
        poll("the pipeline to be measured", lambda: "drain" in log.read_text(), deadline=time.monotonic() + 180)
        bench.send_signal(by)
        bench.wait(60)
        poll("all of its processes to end", lambda: processes(mark) == [], deadline=time.monotonic() + 20)
    finally:
        for pid in processes(mark):
            os.kill(pid, signal.SIGKILL)
