"""Prometheus for tests: what the rules and dashboards in deploy/ name, and a server that reads the running pipeline."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from deploy.local.places import PROMETHEUS, ROOT
from deploy.local.servers import NotReady

RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
DASHBOARDS = ROOT / "deploy" / "grafana" / "dashboards"
_WORDS = frozenset({"and", "by", "histogram_quantile", "max", "min", "rate", "sum", "time"})


def expressions() -> dict[str, str]:
    """Each alert's."""
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule["expr"] for rule in group["rules"]}


def shown() -> Iterator[str]:
    """The expressions of all dashboards."""
    for path in DASHBOARDS.glob("*.json"):
        for panel in json.loads(path.read_text())["panels"]:
            yield from (target["expr"] for target in panel["targets"])


def metrics_in(expression: str) -> set[str]:
    """The metrics that an expression is built on."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]|\bby \([^)]*\)', " ", expression)
    return set(re.findall(r"(?<![\w.])[a-z_][a-z0-9_]*", bare)) - _WORDS


@dataclass(frozen=True)
class PrometheusServer:
    """A server in `folder`, which reads `targets` (port by process) every second and evaluates the rules."""

    port: int
    folder: Path
    targets: Mapping[str, int]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Writes its configuration."""
        scraped = [
            {"targets": [f"127.0.0.1:{port}"], "labels": {"process": name}} for name, port in self.targets.items()
        ]
        configuration = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES)],
            "scrape_configs": [{"job_name": "pipeline", "static_configs": scraped}],
        }
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))

    def command(self) -> list[str]:
        storage = f"--storage.tsdb.path={self.folder / 'data'}"
        listening = f"--web.listen-address=127.0.0.1:{self.port}"
        return [str(PROMETHEUS), f"--config.file={self.folder / 'prometheus.yml'}", storage, listening]

    def wait_ready(self, *, deadline: float) -> None:
        """Returns when it answers. Raises `NotReady`."""
        while True:
            try:
                if httpx.get(f"{self.address}/-/ready", trust_env=False).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            if time.monotonic() >= deadline:
                raise NotReady("prometheus is not ready")
            time.sleep(0.1)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples that it gives now."""
        answer = httpx.get(f"{self.address}/api/v1/query", params={"query": expression}, timeout=30, trust_env=False)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def firing(self) -> list[str]:
        """The alerts that fire now."""
        answer = httpx.get(f"{self.address}/api/v1/alerts", timeout=30, trust_env=False).json()
        return [each["labels"]["alertname"] for each in answer["data"]["alerts"] if each["state"] == "firing"]
