"""Shared fixtures. Only tests that ask for `servers` start any."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.db import connections
from pymongo.database import Database

from tests import settings
from tests.heartbeats import silence
from tests.servers import Servers, all_servers

# What a process does as it loads its URLs: some tests are made of what there is in the back office.
admin.autodiscover()

_MADE_BY_MIGRATIONS = ("django_migrations", "django_content_type", "auth_permission")

# A shell has what it runs in the background ignore Ctrl-C, and that is inherited: by commands that tests interrupt too.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """MongoDB, Kafka and Redis for the whole run."""
    ports = {"mongo_ports": settings.MONGO_PORTS, "kafka_ports": settings.KAFKA_PORTS}
    with all_servers(**ports, redis_port=settings.REDIS_PORT) as running:
        yield running


@pytest.fixture(scope="session")
def schema(servers: Servers, django_db_blocker: Any) -> Iterator[None]:
    """The databases, migrated, and the topics. MongoDB has no test database that Django could roll back."""
    with django_db_blocker.unblock():
        call_command("migrate_all", verbosity=0)
        call_command("create_topics", verbosity=0)
        yield


@pytest.fixture
def databases(schema: None) -> Iterator[None]:
    """Empty databases; what a test leaves behind is removed before the next."""
    _empty()
    yield
    _empty()


@pytest.fixture(scope="module")
def module_databases(schema: None) -> Iterator[None]:
    """Databases that the tests of a module share: for those that store nothing, or do not mind each other."""
    _empty()
    yield
    _empty()


def _empty() -> None:
    silence()
    for alias in connections:
        connections[alias].ensure_connection()
        database = connections[alias].database
        for name in _filled(database):
            database[name].delete_many({})


def _filled(database: Database[dict[str, Any]]) -> list[str]:
    """The collections with something in them that no migration made: by one question, since each test asks twice."""
    one_of_each = (
        {"$unionWith": {"coll": name, "pipeline": [{"$limit": 1}, {"$project": {"name": {"$literal": name}}}]}}
        for name in database.list_collection_names()
        if name not in _MADE_BY_MIGRATIONS
    )
    return [found["name"] for found in database.aggregate([{"$documents": []}, *one_of_each])]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What each suite took, set-up included."""
    seconds: dict[str, float] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                suite = "/".join(report.nodeid.split("/")[:2])
                seconds[suite] = seconds.get(suite, 0.0) + report.duration
    for suite, took in sorted(seconds.items()):
        terminalreporter.write_line(f"{suite} took {took:.0f} s")
