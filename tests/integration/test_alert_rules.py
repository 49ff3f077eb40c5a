"""The rules and the configuration of Prometheus, by its own tool; what they name is really told: tests/system."""

import json
import re
import subprocess

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from deploy.local.places import PROMTOOL, ROOT
from deploy.local.programs import METRICS_PORTS, SERVICE_PORTS
from ecommerce import counters
from tests.prometheus import DASHBOARDS, RULES, expressions, metrics_in

FOLDER = ROOT / "deploy" / "prometheus"


@pytest.mark.parametrize(
    "command",
    [["check", "config", "prometheus.yml"], ["check", "rules", "rules.yml"], ["test", "rules", "rules.test.yml"]],
    ids=" ".join,
)
def test_promtool_finds_nothing_wrong(command: list[str]) -> None:
    assert PROMTOOL.exists(), "promtool is missing. Get it with: make tools"
    done = subprocess.run([PROMTOOL, *command], cwd=FOLDER, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_to_fire_and_to_be_silent() -> None:
    tests = {test["name"] for test in yaml.safe_load((FOLDER / "rules.test.yml").read_text())["tests"]}
    assert tests == {f"{alert} {does}" for alert in expressions() for does in ("fires", "is silent")}


def test_every_alert_says_what_is_wrong_and_the_command_that_helps() -> None:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    for rule in group["rules"]:
        assert all(rule["annotations"][name] for name in ("summary", "description", "command")), rule
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("critical", "warning")


def test_the_runbook_has_a_part_for_each_alert_and_no_other() -> None:
    alerts, _, _ = (ROOT / "docs" / "runbook.md").read_text().partition("\n## Operations\n")
    parts = re.split(r"^### ", alerts, flags=re.MULTILINE)[1:]
    assert [part.split("\n", 1)[0] for part in parts] == list(expressions())
    says = re.compile(r"\*\*Meaning\.\*\*.*\*\*Check.*\b[Aa]ct\.\*\*.*\*\*Over\*\*", re.DOTALL)
    assert [part for part in parts if not says.search(part)] == []


def test_every_metric_is_in_the_document() -> None:
    page = (ROOT / "docs" / "observability.md").read_text()
    wrapped = [each for each in vars(counters).values() if isinstance(each, MetricWrapperBase)]
    counted = [family.name for each in wrapped for family in each.describe()]
    named = {name for expression in expressions().values() for name in metrics_in(expression)} - {"up"}
    missing = [name for name in (*counted, *named) if f"`{name}`" not in page]
    assert [name for name in missing if not name.startswith("django_http_")] == []


def test_every_process_that_runs_here_is_scraped() -> None:
    jobs = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
    scraped = {
        each["labels"]["process"]: each["targets"] for job in jobs for each in job["static_configs"]
    }  # fmt: skip
    ports = {"web": 3000, **SERVICE_PORTS, **METRICS_PORTS}
    assert scraped == {name: [f"127.0.0.1:{port}"] for name, port in ports.items()}


def test_dashboards_are_told_apart_and_so_are_their_panels() -> None:
    boards = [json.loads(path.read_text()) for path in DASHBOARDS.glob("*.json")]
    assert len({board["uid"] for board in boards}) == len(boards) >= 2
    for board in boards:
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)
