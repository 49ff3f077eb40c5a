"""compose.yaml runs what `make up` runs, with variables that the processes know."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.pipeline import STEPS, Program, pipeline
from deploy.local.places import COMPOSE as COMPOSE_TOOL
from ecommerce.environment import Environment

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
SERVERS = {"mongo", "kafka", "redis"}
ELSEWHERE = SERVERS | {"kafka-ui", "prometheus", "grafana"}
ENV = {"JWT_SECRET": "x" * 32}
PROGRAMS = {each.name: each for each in pipeline(ENV) if each.name not in SERVERS}
OURS = {name: each for name, each in COMPOSE.items() if name not in ELSEWHERE}

# Where a path, a port or an address is another one inside a container.
_PLACES = [
    (r"^.*/(ledger\.db|schedule)$", r"\1"),
    (r"^(127\.0\.0\.1|0\.0\.0\.0)$", "ADDRESS"),
    (r"^(3000|400[1-4])$", "PORT"),
    (r"^http://[^/]+/", "http://WEB/"),
    (r"@(local|%h)$", "@HOST"),
]


def substituted(text: str) -> str:
    """With defaults for what compose would take from the shell."""
    return re.sub(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}", lambda found: found[2] or ENV.get(found[1], ""), str(text))


def essence(command: list[str]) -> list[str]:
    """The command without where things are."""
    words = [word for word in command[1:] if word not in ("--host", "ADDRESS")]
    for pattern, name in _PLACES:
        words = [re.sub(pattern, name, word) for word in words]
    return [word for word in words if word != "ADDRESS"]


def test_docker_can_read_it() -> None:
    assert COMPOSE_TOOL.exists(), "make tools (it needs Go)"
    read = subprocess.run([COMPOSE_TOOL, "-no-interpolation", ROOT / "compose.yaml"], capture_output=True, text=True)
    assert (read.returncode, read.stderr) == (0, "")


def test_its_processes_are_those_of_make_up() -> None:
    assert set(OURS) - {"migrate", "topics"} == set(PROGRAMS)


def test_its_steps_are_those_of_make_up() -> None:
    steps = [OURS[name]["command"][-1] for name in ("migrate", "topics")]
    assert tuple(steps) == STEPS
    waits = {"migrate", "topics"} <= set(OURS["web"]["depends_on"])
    assert waits


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_process_runs_the_same_command_for_the_same_service(program: Program) -> None:
    service = OURS[program.name]
    assert essence(service["command"]) == essence(program.command)
    assert service["environment"]["SERVICE"] == program.env["SERVICE"]


@pytest.mark.parametrize("name", OURS)
def test_a_process_has_variables_that_it_knows_and_all_that_it_needs(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {key: substituted(value) for key, value in OURS[name]["environment"].items()}
    assert set(given) <= set(Environment.model_fields)
    for field in Environment.model_fields:
        monkeypatch.delenv(field, raising=False)
    Environment(_env_file=None, **given)


@pytest.mark.parametrize("name", OURS)
def test_a_process_may_write_only_where_it_must(name: str) -> None:
    service = OURS[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    ledger = name in ("gateway", "carrier")
    assert [each.partition(":")[2] for each in service.get("volumes", [])] == (["/app/var"] if ledger else [])


def test_the_ports_are_those_that_people_know_and_on_this_machine_alone() -> None:
    published = {name: each["ports"] for name, each in COMPOSE.items() if each.get("ports")}
    known = {"web": 3000, "orders": 4001, "inventory": 4002, "payments": 4003, "shipping": 4004}
    known |= {"mongo": 27017, "kafka": 9092, "kafka-ui": 8080, "prometheus": 9090, "grafana": 3001}
    for name, port in known.items():
        assert [each.rpartition(":")[0] for each in published[name]] == [f"127.0.0.1:{port}"]
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_prometheus_asks_every_process_that_has_metrics() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "docker" / "prometheus.yml").read_text())
    targets = {
        target: static["labels"]["process"]
        for job in config["scrape_configs"]
        for static in job["static_configs"]
        for target in static["targets"]
    }
    assert targets == {f"{name}:9400": name for name in set(PROGRAMS) - {"gateway", "carrier"}}
    assert {OURS[name]["environment"]["METRICS_PORT"] for name in PROGRAMS} == {"9400"}


def test_what_is_mounted_is_there() -> None:
    mounted = [each.partition(":")[0] for service in COMPOSE.values() for each in service.get("volumes", [])]
    files = [path for path in mounted if path.startswith("./")]
    assert files
    assert [path for path in files if not (ROOT / path).exists()] == []


def test_every_host_that_a_variable_names_is_a_service() -> None:
    hosts: set[Any] = set()
    for service in COMPOSE.values():
        for value in service.get("environment", {}).values():
            hosts |= set(re.findall(r"(?:://|^)([a-z-]+):\d+", substituted(value)))
    assert hosts <= set(COMPOSE)
    assert {"mongo", "kafka", "redis", "gateway", "carrier"} <= hosts


def test_the_image_has_all_that_its_processes_import() -> None:
    dockerfile = (ROOT / "deploy" / "docker" / "Dockerfile").read_text()
    copied = set(re.findall(r"^COPY (?!--)(\S+) ", dockerfile, re.MULTILINE))
    assert {"manage.py", "ecommerce", "orders", "inventory", "payments", "shipping", "frontend"} <= copied
    assert "deploy/sandbox" in copied
    assert "USER 10001:10001" in dockerfile
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert [path for path in copied if not kept & {path, *map(str, Path(path).parents)}] == []


def test_the_image_has_the_description_that_the_dashboards_client_is_made_of() -> None:
    ui = ROOT / "frontend" / "ui"
    _, read, *_ = json.loads((ui / "package.json").read_text())["scripts"]["generate"].split()
    description = (ui / read).resolve().relative_to(ROOT)
    assert description == Path("docs/contracts/openapi.json")
    dockerfile = (ROOT / "deploy" / "docker" / "Dockerfile").read_text()
    assert f"COPY {description} /src/{description}\nRUN npm run build" in dockerfile
