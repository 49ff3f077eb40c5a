"""The engine's commands against a real mongod."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import BulkWriteError, OperationFailure

from ecommerce.mongodb import commands
from ecommerce.registry import engine
from ecommerce.transaction import in_transaction
from tests.integration.profiling import queries

NAME = "things"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def database(databases: None) -> Iterator[Database[dict[str, Any]]]:
    database = engine("orders").database
    database.create_collection(NAME)
    yield database
    database.drop_collection(NAME)


def insert(database: Database[dict[str, Any]], *documents: dict[str, Any]) -> None:
    in_transaction("orders", lambda session: commands.insert(database, NAME, documents, session=session))


def by_ids(database: Database[dict[str, Any]], *ids: str, only_ids: bool = False) -> list[dict[str, Any]]:
    return in_transaction(
        "orders", lambda session: commands.by_ids(database, NAME, ids, session=session, only_ids=only_ids)
    )


def test_what_is_inserted_is_found_by_its_id(database: Database[dict[str, Any]]) -> None:
    insert(database, {"_id": "a", "at": AT}, {"_id": "b", "at": AT})
    assert by_ids(database, "a", "c") == [{"_id": "a", "at": AT}]
    assert by_ids(database, "b", "c", only_ids=True) == [{"_id": "b"}]


def test_a_search_that_finds_all_takes_one_command(database: Database[dict[str, Any]]) -> None:
    insert(database, {"_id": "a"}, {"_id": "b"})
    with queries() as commands_seen:
        assert len(by_ids(database, "a", "b")) == 2
    assert [next(iter(each.command)) for each in commands_seen] == ["find"]


def test_more_than_one_answer_holds_is_found_as_well(database: Database[dict[str, Any]]) -> None:
    large = [{"_id": str(number), "data": bytes(4_000_000)} for number in range(10)]
    for document in large:
        insert(database, document)
    assert sorted(each["_id"] for each in by_ids(database, *(each["_id"] for each in large))) == list("0123456789")


def test_an_update_changes_what_it_names(database: Database[dict[str, Any]]) -> None:
    insert(database, *({"_id": id, "n": 0} for id in "abc"))
    statements = [
        {"q": {"_id": "a"}, "u": {"$set": {"n": 1}}},
        {"q": {"_id": {"$in": ["b", "c"]}}, "u": {"$set": {"n": 2}}, "multi": True},
    ]
    in_transaction("orders", lambda session: commands.update(database, NAME, statements, session=session))
    assert {each["_id"]: each["n"] for each in database[NAME].find()} == {"a": 1, "b": 2, "c": 2}


def test_what_is_there_already_fails_all(database: Database[dict[str, Any]]) -> None:
    insert(database, {"_id": "a"})
    with pytest.raises(BulkWriteError) as caught:
        insert(database, {"_id": "b"}, {"_id": "a"})
    assert [each["code"] for each in caught.value.details["writeErrors"]] == [11000]
    assert [each["_id"] for each in database[NAME].find()] == ["a"]


def test_a_concurrent_write_is_an_error_that_passes(database: Database[dict[str, Any]]) -> None:
    insert(database, {"_id": "a", "n": 0})

    def body(session: Any) -> None:
        commands.by_ids(database, NAME, ["a"], session=session)
        database[NAME].update_one({"_id": "a"}, {"$inc": {"n": 1}})  # by another, meanwhile
        commands.update(database, NAME, [{"q": {"_id": "a"}, "u": {"$set": {"n": 9}}}], session=session)

    with pytest.raises(OperationFailure) as caught:
        in_transaction("orders", body, patience=0)
    assert caught.value.has_error_label("TransientTransactionError")
    assert database[NAME].find_one({"_id": "a"}) == {"_id": "a", "n": 1}
