"""A wrong configuration stops the start: each variable by its name, none by its value."""

import base64
import subprocess
import sys
from pathlib import Path

import pytest

from ecommerce.environment import ROOT

GOOD = {
    "ENVIRONMENT": "development",
    "SERVICE": "all",
    "PORT": "3000",
    "KAFKA_BROKERS": "127.0.0.1:9092",
    "KAFKA_CLIENT_ID": "ecommerce",
    "MONGO_URI": "mongodb://127.0.0.1:27017/?replicaSet=rs0",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "JWT_SECRET": "a secret that is long enough to sign",
}
KEY = base64.b64encode(bytes(range(32))).decode()
PRODUCTION = GOOD | {"ENVIRONMENT": "production", "MASTER_KEY": KEY, "ALLOWED_HOSTS": "shop.example, www.shop.example"}

# A developer's own .env must not answer for a variable that is missing here.
READ = """
import sys
from ecommerce import environment
environment.Environment.model_config["env_file"] = sys.argv[1] or None
print(environment.read().ALLOWED_HOSTS)
"""


def start(variables: dict[str, str], env_file: str = "") -> "subprocess.CompletedProcess[str]":
    """A process that reads `variables` and no others."""
    return subprocess.run(
        [sys.executable, "-c", READ, env_file], env=variables, cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def refused(variables: dict[str, str]) -> list[str]:
    """The lines between the first and the last of what a refused start says."""
    process = start(variables)
    assert (process.returncode, process.stdout) == (1, "")
    first, *lines, last = process.stderr.splitlines()
    assert first == "The configuration is wrong:"
    assert last == "See .env.example for every variable and an example."
    return lines


def test_a_good_configuration_starts() -> None:
    process = start(GOOD)
    assert (process.returncode, process.stdout, process.stderr) == (0, "()\n", "")


def test_every_variable_that_is_missing_is_named() -> None:
    assert sorted(refused({})) == sorted(f"  {name}: is not set" for name in GOOD)


@pytest.mark.parametrize("name", GOOD)
def test_a_variable_that_is_missing_is_named_alone(name: str) -> None:
    assert refused({each: value for each, value in GOOD.items() if each != name}) == [f"  {name}: is not set"]


WRONG = {
    "ENVIRONMENT": ["staging-value"],
    "SERVICE": ["billing-value"],
    "PORT": ["0", "65536", "-1", "30o0", "3000.5"],
    "KAFKA_BROKERS": ["broker-value", "broker:port", ":9092", "a:9092,", "a:٩٠٩٢", "a:0", "a:65536"],
    "KAFKA_CLIENT_ID": ["client value", "x" * 101],
    "MONGO_URI": ["127.0.0.1:27017", "mysql://127.0.0.1", "mongodb:/127.0.0.1"],
    "REDIS_URL": ["127.0.0.1:6379", "http://127.0.0.1"],
    "GATEWAY_URL": ["gateway-value", "ftp://127.0.0.1"],
    "CARRIER_URL": ["carrier-value", "ftp://127.0.0.1"],
    "JWT_SECRET": ["a-secret-that-is-31-bytes-long!"],
    "MASTER_KEY": ["not base64!", "é" * 44, base64.b64encode(b"x" * 31).decode(), base64.b64encode(b"x" * 33).decode()],
    "ORDER_DEADLINE_SECONDS": ["0", "86401", "a-while"],
    "DATABASE_PREFIX": ["Upper-", "x" * 31, "a.b"],
    "LOG_LEVEL": ["verbose-value"],
}


@pytest.mark.parametrize("name", WRONG)
def test_a_variable_that_is_wrong_is_named_and_its_value_kept(name: str) -> None:
    for value in WRONG[name]:
        (line,) = refused(GOOD | {name: value})
        assert line.startswith(f"  {name}: ")
        assert value not in line.removeprefix(f"  {name}: ") or len(value) < 3  # "0" is no secret


@pytest.mark.parametrize("name", ["MONGO_URI", "REDIS_URL", "GATEWAY_URL", "CARRIER_URL"])
def test_a_url_needs_more_than_its_scheme(name: str) -> None:
    scheme = {"MONGO_URI": "mongodb", "REDIS_URL": "redis"}.get(name, "http")
    assert refused(GOOD | {name: f"{scheme}://"}) == [f"  {name}: must be a URL of the form {scheme}://host:port"]


def test_what_is_wrong_is_named_all_at_once() -> None:
    lines = refused(GOOD | {"PORT": "0", "JWT_SECRET": "short", "SERVICE": ""})
    assert [line.split(":")[0].strip() for line in lines] == ["PORT", "JWT_SECRET", "SERVICE"]


def test_production_starts_with_a_key_and_the_names_of_its_hosts() -> None:
    process = start(PRODUCTION)
    assert (process.returncode, process.stdout) == (0, "('shop.example', 'www.shop.example')\n")


@pytest.mark.parametrize("value", [None, "", " , "])
@pytest.mark.parametrize("name", ["MASTER_KEY", "ALLOWED_HOSTS"])
def test_production_does_not_start_without_what_development_derives(name: str, value: str | None) -> None:
    variables = {each: text for each, text in PRODUCTION.items() if each != name} | ({name: value} if value else {})
    (line,) = refused(variables)
    assert name in line
    assert KEY not in line


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("\n".join(f"{name}='{value}'" for name, value in GOOD.items()) + "\nALLOWED_HOSTS=from-file\n")
    assert start({}, str(file)).stdout == "('from-file',)\n"
    assert start({"ALLOWED_HOSTS": "from-shell"}, str(file)).stdout == "('from-shell',)\n"
