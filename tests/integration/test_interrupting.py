"""Long commands say how far they are, end at once with Ctrl-C and one line, and do the rest when they are run again."""

import base64
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.db import connections

from ecommerce.deadletters.letters import COLLECTION
from ecommerce.registry import engine
from tests.integration.parking import Feed, bytes_of, created
from tests.integration.people import customer, stock_the_shop
from tests.integration.saga import Saga
from tests.processes import commanded

OURS = ("ecommerce", "frontend", "inventory", "orders", "payments")
# Until SIGTERM or SIGINT, which lets what is in hand finish.
LASTING = {"consume", "live", "relay"}
# A moment's work, or that of the other commands; `demo` needs the whole pipeline, see tests/docs.
SHORT = {"contracts", "create_topics", "demo", "doctor", "explain_order", "refund", "show_pipeline"}
SLOW = {"failCommands": ["find", "aggregate", "update", "insert", "listCollections"], "appName": "slow"}


def orders() -> None:
    saga = Saga()
    saga.stock()
    for number in range(3):
        saga.place(f"o{number}")
    saga.settle()


def dead_letters() -> None:
    """Whose cause has been mended since."""
    feed = Feed(engine("payments"))
    for number in range(3):
        id = feed.spoil(created(f"o{number}"))
        feed.engine.database[COLLECTION].update_one({"_id": id}, {"$set": {"value": bytes_of(created(f"o{number}"))}})


def customers() -> None:
    stock_the_shop()
    for name in ("zoe", "yan"):
        customer(name).order()


def nothing() -> None:
    pass


def prices() -> None:
    Saga().settle()


@dataclass(frozen=True)
class Long:
    """A command that takes long: what it needs, its first line, and what makes it end well when it is `again` run."""

    command: str
    says: str
    given: Callable[[], None] = nothing
    then: Callable[[], None] = nothing
    again: str = ""
    env: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.command


LONG = [
    Long("audit --no-topics --no-gateway", "orders: 0", orders),
    Long("dlq discard --service payments --reason old", "dead letters: 0 of 3", dead_letters),
    Long("dlq export --output FILE", "dead letters: 0", dead_letters),
    Long("dlq list", "", dead_letters),
    Long("dlq replay", "orders: 0 of 3", dead_letters),
    Long("erase_customer zoe --yes", "seconds until", customers, again="--no-wait"),
    Long("migrate_all", "migrating "),
    Long("rebuild", "orders: 0", orders),
    Long("rotate_master_key", "batches of 500 keys: 0 of 1", customers, env={"MASTER_KEY": "A" * 43 + "="}),
    Long("seed", "4 users and 20 products made", then=prices),
]


@pytest.fixture
def slowly(databases: None) -> Iterator[None]:
    """MongoDB takes its time for whoever says that it is slow, so that there is something to interrupt."""
    admin = connections["default"].connection.admin
    data = {**SLOW, "blockConnection": True, "blockTimeMS": 150}
    admin.command("configureFailPoint", "failCommand", mode="alwaysOn", data=data)
    yield
    admin.command("configureFailPoint", "failCommand", mode="off")


def started(command: str, env: Mapping[str, str], *, name: str) -> "subprocess.Popen[str]":
    uri = f"{os.environ['MONGO_URI']}&appName={name}"
    return commanded(*command.split(), env={"LOG_LEVEL": "WARNING", "MONGO_URI": uri, **env})


@pytest.mark.parametrize("long", LONG, ids=str)
def test_it_is_interrupted_and_run_again(slowly: None, long: Long, tmp_path: Path) -> None:
    long.given()
    command = long.command.replace("FILE", str(tmp_path / "letters"))
    process = started(command, env_of(long), name="slow")
    assert process.stdout
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=30)
    assert first.startswith(long.says), first + rest
    assert process.returncode == 130, first + rest
    assert rest.splitlines()[-1] == "interrupted; it may be run again"
    assert "Traceback" not in rest
    long.then()
    process = started(f"{command} {long.again}", env_of(long), name="quick")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said


def env_of(long: Long) -> dict[str, str]:
    """With the tests' own master key as the former one, where there is a new one."""
    return {"MASTER_KEYS_OLD": base64.b64encode(settings.MASTER_KEY).decode(), **long.env} if long.env else {}


def test_every_command_is_known_to_be_long_or_not() -> None:
    ours = {name for name, app in get_commands().items() if app in OURS}
    assert ours == LASTING | SHORT | {long.command.split()[0] for long in LONG}
