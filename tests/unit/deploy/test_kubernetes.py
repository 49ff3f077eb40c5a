"""deploy/kubernetes, as an installation gets it: rendered, valid, and the same processes as `make up`."""

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy.local.pipeline import STEPS, Program, pipeline
from deploy.local.places import KUSTOMIZE
from ecommerce.environment import Environment
from tests.unit.deploy.test_compose import essence

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "kubernetes"
VERSION = "1.34"
CERTIFICATES = "/etc/certificates"
NOT_THERE = {"mongo", "kafka", "redis", "gateway", "carrier"}  # an installation has real ones
PROGRAMS = {each.name: each for each in pipeline({"JWT_SECRET": "x" * 32}) if each.name not in NOT_THERE}


@cache
def rendered() -> list[dict[str, Any]]:
    assert KUSTOMIZE.exists(), "make tools (it needs Go)"
    built = subprocess.run([KUSTOMIZE, "build", FOLDER / "overlays" / "example"], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return [each for each in yaml.safe_load_all(built.stdout) if each]


def of(kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in rendered() if each["kind"] == kind}


def pod(workload: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = workload["spec"]["template"]["spec"]
    return found


def process(workload: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod(workload)["containers"]
    assert isinstance(container, dict)
    return container


def given(name: str) -> dict[str, str]:
    """The variables of a ConfigMap or Secret of the example, whose name has a hash."""
    (found,) = [each for each in rendered() if re.fullmatch(rf"{name}-[a-z0-9]+", each["metadata"]["name"])]
    return found.get("data", {}) | found.get("stringData", {})


def test_kubernetes_takes_all_of_it() -> None:
    checked = 0
    for resource in rendered():
        if resource["apiVersion"] != "keda.sh/v1alpha1":
            kubernetes_validate.validate(resource, VERSION, strict=True)
            checked += 1
    assert checked > 30


def test_its_processes_are_those_of_make_up() -> None:
    assert set(of("Deployment")) == set(PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_process_runs_the_same_command_for_the_same_service(program: Program) -> None:
    container = process(of("Deployment")[program.name])
    assert essence(container["command"]) == essence(program.command)
    assert {"name": "SERVICE", "value": program.env["SERVICE"]} in container["env"]


def test_databases_and_topics_are_made_by_jobs() -> None:
    commands = [process(job)["command"][2] for job in of("Job").values()]
    assert sorted(commands) == sorted(STEPS)


def test_the_processes_know_the_variables_of_the_example_and_start_with_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = (FOLDER / "overlays" / "example" / "secrets.env").read_text()
    secrets = dict(line.split("=", 1) for line in text.splitlines() if not line.startswith("#"))
    variables = given("settings") | secrets
    assert set(variables) <= set(Environment.model_fields)
    assert set(given("secrets")) == set(secrets)
    for field in Environment.model_fields:
        monkeypatch.delenv(field, raising=False)
    (tmp_path / "ca.pem").touch()
    here = {name: value.replace(CERTIFICATES, str(tmp_path)) for name, value in variables.items()}
    assert [name for name in here if here[name] != variables[name]] == ["KAFKA_SSL_CA_FILE", "MONGO_URI", "REDIS_URL"]
    assert Environment(_env_file=None, **here, SERVICE="all").ENVIRONMENT == "production"


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
def test_every_process_has_the_certificate_of_the_authority(kind: str) -> None:
    volume = {"name": "certificates", "secret": {"secretName": "certificates"}}
    mount = {"name": "certificates", "mountPath": CERTIFICATES, "readOnly": True}
    assert all(volume in pod(workload)["volumes"] for workload in of(kind).values())
    assert all(mount in process(workload)["volumeMounts"] for workload in of(kind).values())


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
def test_no_process_may_do_more_than_it_must(kind: str) -> None:
    for workload in of(kind).values():
        container = process(workload)
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod(workload)["securityContext"]["runAsNonRoot"]
        assert not pod(workload)["automountServiceAccountToken"]
        assert container["resources"]["limits"]["memory"]


def test_web_processes_are_asked_whether_they_are_well() -> None:
    webs = {name: each for name, each in of("Deployment").items() if each["metadata"]["labels"].get("part") == "web"}
    assert set(webs) == set(of("Service"))
    for workload in webs.values():
        container = process(workload)
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert {"name": "http", "containerPort": 3000} in container["ports"]


def test_every_process_can_be_asked_for_its_metrics() -> None:
    port = {"name": "metrics", "containerPort": int(given("settings")["METRICS_PORT"])}
    assert all(port in process(workload)["ports"] for workload in of("Deployment").values())


def test_what_there_are_several_of_is_never_down_as_a_whole() -> None:
    several = {name for name, each in of("Deployment").items() if each["spec"]["replicas"] > 1}
    assert set(of("PodDisruptionBudget")) == several
    assert set(of("Deployment")) - several == {"beat"}


def test_consumers_follow_their_lag_but_the_one_that_has_a_lease() -> None:
    scaled = of("ScaledObject")
    assert set(scaled) == {"consumer-orders", "consumer-payments", "consumer-shipping"}
    for name, each in scaled.items():
        (trigger,) = each["spec"]["triggers"]
        assert each["spec"]["scaleTargetRef"]["name"] == name
        assert trigger["metadata"]["consumerGroup"] == name.removeprefix("consumer-")
        assert trigger["metadata"]["sasl"] == given("settings")["KAFKA_SASL_MECHANISM"].lower().replace("-sha-", "_sha")
        assert trigger["authenticationRef"]["name"] in of("TriggerAuthentication")
        assert each["spec"]["maxReplicaCount"] == 12


def test_every_selector_finds_the_pods_that_it_means() -> None:
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in of("Deployment").values()]
    for kind, path in (("Service", ("selector",)), ("PodDisruptionBudget", ("selector", "matchLabels"))):
        for name, each in of(kind).items():
            wanted: Any = each["spec"]
            for step in path:
                wanted = wanted[step]
            assert [found["process"] for found in labels if wanted.items() <= found.items()] == [name]


def test_metrics_and_health_are_not_for_the_world() -> None:
    (ingress,) = of("Ingress").values()
    paths = {each["path"] for rule in ingress["spec"]["rules"] for each in rule["http"]["paths"]}
    assert {"/", "/api", "/ws", "/static", "/admin"} <= paths
    assert not {"/metrics", "/healthz", "/readyz"} & paths
    exact = [each for rule in ingress["spec"]["rules"] for each in rule["http"]["paths"] if each["path"] == "/"]
    assert [each["pathType"] for each in exact] == ["Exact"]
