"""The transaction wrapper against a real mongod, with its fail points."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from ecommerce.platform.models import DataKey
from ecommerce.transaction import in_transaction
from tests.processes import ProjectProcess, running
from tests.waiting import until

# Run as a process of its own: a crash in the middle of a transaction.
_WRITE_AND_DIE = """
import django, os, signal
django.setup()
from django.db import connections
from ecommerce.transaction import in_transaction

def body(session):
    connections["orders"].database["things"].update_one({"_id": "counter"}, {"$inc": {"n": 1}}, session=session)
    print("written", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

in_transaction("orders", body)
"""

pytestmark = pytest.mark.usefixtures("databases")


@pytest.fixture
def things(databases: None) -> Any:
    collection = connections["orders"].database["things"]
    collection.insert_one({"_id": "counter", "n": 0})
    yield collection
    collection.drop()


@contextmanager
def failing(command: str, *, times: int, **data: Any) -> Iterator[None]:
    admin = connections["orders"].connection.admin
    fail = {"failCommands": [command], **data}
    admin.command("configureFailPoint", "failCommand", mode={"times": times}, data=fail)
    try:
        yield
    finally:
        admin.command("configureFailPoint", "failCommand", mode="off")


def test_what_raises_leaves_nothing_behind(things: Any) -> None:
    def body(session: Any) -> None:
        things.insert_one({"_id": "a"}, session=session)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        in_transaction("orders", body)
    assert things.find_one({"_id": "a"}) is None


def test_a_transient_error_runs_the_whole_body_again(things: Any) -> None:
    runs = []

    def body(session: Any) -> None:
        runs.append(1)
        things.insert_one({"_id": "a"}, session=session)

    with failing("insert", times=2, errorCode=112, errorLabels=["TransientTransactionError"]):
        in_transaction("orders", body)
    assert len(runs) == 3
    assert things.count_documents({"_id": "a"}) == 1


def test_an_unknown_commit_is_committed_again_without_running_the_body_again(things: Any) -> None:
    runs = []

    def body(session: Any) -> None:
        runs.append(1)
        things.update_one({"_id": "counter"}, {"$inc": {"n": 1}}, session=session)

    # More often than the driver retries a commit by itself.
    labels = ["UnknownTransactionCommitResult"]
    with failing("commitTransaction", times=5, errorCode=50, errorLabels=labels):
        in_transaction("orders", body)
    assert len(runs) == 1
    assert things.find_one({"_id": "counter"})["n"] == 1


def test_a_commit_that_fails_for_good_is_raised_and_the_next_block_rolls_back(things: Any) -> None:
    def first(session: Any) -> None:
        things.insert_one({"_id": "a"}, session=session)

    with failing("commitTransaction", times=1, errorCode=8), pytest.raises(OperationFailure):
        in_transaction("orders", first)

    def second(session: Any) -> None:
        things.insert_one({"_id": "b"}, session=session)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        in_transaction("orders", second)
    assert things.count_documents({}) == 1
    assert connections["orders"].session is None
    assert connections["orders"].in_atomic_block_mongo is False


def test_an_error_that_outlasts_the_patience_is_raised(things: Any) -> None:
    def body(session: Any) -> None:
        things.insert_one({"_id": "a"}, session=session)

    labels = ["TransientTransactionError"]
    with (
        failing("insert", times=100_000, errorCode=112, errorLabels=labels),
        pytest.raises(PyMongoError) as raised,
    ):
        in_transaction("orders", body, patience=0.1)
    assert raised.value.has_error_label("TransientTransactionError")


def test_a_duplicate_key_aborts_all_of_it(things: Any) -> None:
    def body(session: Any) -> None:
        things.insert_one({"_id": "a"}, session=session)
        things.insert_one({"_id": "counter"}, session=session)

    with pytest.raises(DuplicateKeyError):
        in_transaction("orders", body)
    assert things.find_one({"_id": "a"}) is None


def test_no_update_of_a_hot_document_is_lost(things: Any) -> None:
    def add(session: Any) -> None:
        n = things.find_one({"_id": "counter"}, session=session)["n"]
        things.update_one({"_id": "counter"}, {"$set": {"n": n + 1}}, session=session)

    def work() -> None:
        for _ in range(20):
            in_transaction("orders", add, patience=60)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert things.find_one({"_id": "counter"})["n"] == 160


def test_calls_of_the_orm_join_the_transaction(databases: None) -> None:
    def body(session: Any) -> None:
        DataKey.objects.create(id="k", customer_id="c", created_at="2026-01-01T00:00:00Z")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        in_transaction("default", body)
    assert DataKey.objects.count() == 0


def test_hooks_run_once_after_the_commit_and_never_after_a_failure(things: Any) -> None:
    said: list[str] = []

    def body(session: Any) -> None:
        connections["orders"].on_commit(lambda: said.append("done"))
        things.insert_one({"_id": "a"}, session=session)

    with failing("insert", times=1, errorCode=112, errorLabels=["TransientTransactionError"]):
        in_transaction("orders", body)
    assert said == ["done"]
    with pytest.raises(DuplicateKeyError):
        in_transaction("orders", body)
    assert said == ["done"]


def test_blocks_do_not_nest(things: Any) -> None:
    with pytest.raises(RuntimeError, match="do not nest"):
        in_transaction("orders", lambda session: in_transaction("orders", lambda inner: None))


def test_a_process_killed_in_a_transaction_does_not_lock_its_documents_for_long(things: Any, tmp_path: Path) -> None:
    writing = ProjectProcess(name="writing", arguments=["-c", _WRITE_AND_DIE])
    process = running(writing, tmp_path)
    process.launch()
    until("it to die", lambda: not process.running)
    assert "written" in process.log.read_text()

    def add_one(session: Any) -> None:
        things.update_one({"_id": "counter"}, {"$inc": {"n": 1}}, session=session)

    def written() -> bool:
        in_transaction("orders", add_one, patience=1)
        return True

    until("its document to be free", written, seconds=40)  # by itself MongoDB takes 60 to 90
    assert things.find_one({"_id": "counter"})["n"] == 1


def test_reads_see_one_snapshot(things: Any) -> None:
    def body(session: Any) -> tuple[int, int]:
        before = things.find_one({"_id": "counter"}, session=session)["n"]
        things.update_one({"_id": "counter"}, {"$set": {"n": 5}})  # by somebody else
        return before, things.find_one({"_id": "counter"}, session=session)["n"]

    assert in_transaction("orders", body) == (0, 0)
