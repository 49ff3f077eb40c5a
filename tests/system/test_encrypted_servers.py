"""On servers that take encrypted and signed-in connections alone, variables are all that the processes need."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from ecommerce.demo import Shop
from tests.encryption import PASSWORD, Authority, Encrypted, encrypted_servers
from tests.integration.listening import listening
from tests.pipeline import URL, pipeline_processes
from tests.processes import ProjectProcess, commanded, running
from tests.servers import RunningServer, stop_all
from tests.system.watching import BODY
from tests.waiting import until

# Together they have every client: producer, consumers, administration, change stream, Celery, the live view.
PROCESSES = ("web", "consumer-orders", "consumer-inventory", "live", "relay", "beat")
SECONDS = 180.0
WRONG_PASSWORD = "a-wrong-one@/50%"


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Exit status and output, which hold no password."""
    said, _ = process.communicate(timeout=SECONDS)
    return process.returncode, without_passwords(said)


def manage(*command: str, variables: Mapping[str, str]) -> str:
    """What the command says, which must do what it is told."""
    status, said = ended(commanded(*command, env=variables))
    assert status == 0, said
    return said


def without_passwords(said: str) -> str:
    for password in (PASSWORD, WRONG_PASSWORD):
        assert [form for form in (password, quote(password, safe="")) if form in said] == []
    return said


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    with encrypted_servers(tmp_path_factory.mktemp("encrypted")) as servers:
        yield servers


@pytest.fixture(scope="module")
def topics(encrypted: Encrypted) -> list[str]:
    """Databases and topics are there: the names of the topics."""
    manage("migrate_all", variables=encrypted.variables())
    said = manage("create_topics", variables=encrypted.variables()).splitlines()
    return [name for name, done in (line.split() for line in said) if done == "created"]


@pytest.fixture(scope="module")
def processes(
    encrypted: Encrypted, topics: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, RunningServer]]:
    """What it takes to reserve an order's goods, with the demo's users and products."""
    folder = tmp_path_factory.mktemp("processes")
    every = {each.name: each for each in pipeline_processes(folder, deadline_seconds=600)}
    those = {name: running(told(every[name], encrypted.variables()), folder) for name in PROCESSES}
    try:
        for process in those.values():
            process.launch()
        manage("seed", "--wait", str(SECONDS), variables=encrypted.variables())
        those["web"].wait_ready()
        yield those
    finally:
        stop_all(those.values())


@contextmanager
def worker(folder: Path, variables: Mapping[str, str]) -> Iterator[Path]:
    """The log of a Celery worker."""
    arguments = ["-m", "celery", "-A", "ecommerce.celery", "worker", "-Q", "default", "-P", "solo"]
    process = running(told(ProjectProcess(name="worker", arguments=arguments), variables), folder)
    process.start()
    try:
        yield process.log
    finally:
        process.stop()


def told(process: ProjectProcess, variables: Mapping[str, str]) -> ProjectProcess:
    return replace(process, env={**process.env, **variables})


def test_an_order_is_taken_reserved_and_seen_over_encrypted_links(processes: dict[str, RunningServer]) -> None:
    shop = Shop(URL)
    answer = httpx.get(f"{URL}/readyz", trust_env=False, timeout=SECONDS)
    assert answer.json() == {"ready": True, "mongo": "ok", "kafka": "ok", "redis": "ok"}
    ticket = shop.call("POST", "auth/ws-ticket", user="bob")["ticket"]
    with listening(URL, ticket) as bob:
        assert bob.hear()["type"] == "snapshot"
        order = shop.call("POST", "orders", user="bob", body=BODY, expect=201)["orderId"]
        bob.until(lambda it: it.statuses().get(order) == "RESERVED")
    assert shop.call("GET", f"orders/{order}", user="bob")["status"] == "RESERVED"
    assert [name for name, process in processes.items() if not process.running] == []
    for process in processes.values():
        without_passwords(process.log.read_text())


def test_kafka_knows_a_client_by_a_plain_password_and_by_a_certificate_too(
    encrypted: Encrypted, topics: list[str]
) -> None:
    plain = encrypted.variables() | {"KAFKA_SASL_MECHANISM": "PLAIN"}
    certificate = {name: value for name, value in plain.items() if not name.startswith("KAFKA_SASL_")} | {
        "KAFKA_BROKERS": f"127.0.0.1:{encrypted.kafka_certificate_port}",
        "KAFKA_SECURITY_PROTOCOL": "SSL",
        "KAFKA_SSL_CERTIFICATE_FILE": str(encrypted.certificate.certificate),
        "KAFKA_SSL_KEY_FILE": str(encrypted.certificate.key),
    }
    for variables in (plain, certificate):
        said = manage("create_topics", variables=variables)
        assert said.splitlines() == [f"{name} exists" for name in topics]


UNTRUSTED, REFUSED = "certificate verify failed", "certificate not trusted"
WRONG = {
    "another authority": ({"authority": True}, dict.fromkeys(("mongo", "kafka", "redis"), UNTRUSTED), REFUSED),
    "another host": ({"host": "localhost"}, dict.fromkeys(("mongo", "kafka", "redis"), UNTRUSTED), REFUSED),
    "another password": (
        {"password": WRONG_PASSWORD},
        {
            "mongo": "Authentication failed",
            "kafka": "SASL authentication error: Authentication failed",
            "redis": "invalid username-password pair",
        },
        "user or password refused",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_refused_says_so_and_ends(encrypted: Encrypted, tmp_path: Path, wrong: str) -> None:
    changes, expected, kind = WRONG[wrong]
    if "authority" in changes:
        changes = {"authority": Authority(tmp_path, "another").file}
    variables = encrypted.variables(**changes)
    commands = (["migrate_all", "--wait", "1"], ["create_topics"], ["doctor"])
    migrating, creating, asking = [commanded(*command, env=variables) for command in commands]
    with worker(tmp_path, variables) as log:
        until("Celery to be refused", lambda: expected["redis"] in log.read_text(), seconds=SECONDS)
    assert "ready." not in without_passwords(log.read_text())
    for process, server in ((migrating, "mongo"), (creating, "kafka")):
        status, said = ended(process)
        assert (status, said.splitlines()[-1].startswith("CommandError: ")) == (1, True)
        assert expected[server] in said.splitlines()[-1]
    status, said = ended(asking)
    assert status == 1
    assert [line.partition(" ")[0] for line in said.splitlines() if line.endswith(f"  {kind}")] == [
        "MongoDB",
        "Kafka",
        "Redis",
    ]


def test_celery_checks_certificates_where_the_url_says_nothing_of_them(encrypted: Encrypted, tmp_path: Path) -> None:
    variables = encrypted.variables()
    variables["REDIS_URL"] = variables["REDIS_URL"].partition("?")[0]
    with worker(tmp_path, variables) as log:
        until("Celery to refuse", lambda: UNTRUSTED in log.read_text(), seconds=SECONDS)
    assert "ready." not in log.read_text()
