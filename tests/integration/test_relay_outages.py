"""The relay when Kafka or MongoDB fails it: nothing is deleted that was not delivered, and the next shift goes on."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Timer
from typing import Any

import pytest
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from ecommerce import following, relay
from ecommerce.relay import DeliveryFailed
from tests.integration.relaying import Outbox, after_looks, client, firsts, shift, values, when_empty, working
from tests.servers import Servers
from tests.topics import configure, records_on, topic
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("servers")


@pytest.fixture
def outbox(servers: Servers) -> Iterator[Outbox]:
    with client() as mongo, topic() as name:
        yield Outbox(mongo["relay_one"], name)
        mongo.drop_database("relay_one")


@contextmanager
def failing(database: Any, command: str, **data: Any) -> Iterator[None]:
    """MongoDB fails one such command."""
    admin, fail = database.client.admin, {"failCommands": [command], **data}
    admin.command("configureFailPoint", "failCommand", mode={"times": 1}, data=fail)
    try:
        yield
    finally:
        admin.command("configureFailPoint", "failCommand", mode="off")


def test_while_kafka_is_paused_or_dead_nothing_is_deleted_and_afterwards_all_is_delivered_in_order(
    servers: Servers, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "LAST_WAIT_SECONDS", 0.3)
    outbox.commit(("o1", "0"), ("o2", "0"))
    servers.kafka.pause()
    try:
        outbox.commit(("o1", "1"))
        assert shift(outbox, stop=after_looks(3)) == 3
        assert len(outbox.left) == 2
    finally:
        servers.kafka.resume()
    assert shift(outbox, stop=when_empty(outbox)) == 3
    servers.kafka.kill()
    try:
        for number in range(2, 5):
            outbox.commit(("o1", str(number)), ("o2", str(number)))
        assert shift(outbox, stop=after_looks(4)) == 6
        assert len(outbox.left) == 3
    finally:
        servers.kafka.start()
    assert shift(outbox, stop=when_empty(outbox)) == 6
    assert firsts(records_on(outbox.topic)) == {"o1": ["0", "1", "2", "3", "4"], "o2": ["0", "2", "3", "4"]}


def test_a_shift_can_be_stopped_while_kafka_takes_nothing_and_the_producers_queue_is_full(
    servers: Servers, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "LAST_WAIT_SECONDS", 0.3)
    for _ in range(21):
        outbox.commit(*[("o1", "x")] * 1000)
    servers.kafka.pause()
    try:
        # The queue holds 20,000 messages: it is full at the 21st document.
        with ThreadPoolExecutor(1) as executor:
            produced = executor.submit(shift, outbox, stop=after_looks(25)).result(20)
        assert produced == 20_000
        assert len(outbox.left) == 21
    finally:
        servers.kafka.resume()


def test_a_message_that_kafka_refuses_breaks_the_shift_and_stays(outbox: Outbox) -> None:
    configure(outbox.topic, "max.message.bytes", "1000")
    outbox.commit(("o1", "small"))
    bad = outbox.commit(("o2", os.urandom(3000)))
    for _ in range(2):
        with pytest.raises(DeliveryFailed, match="MSG_SIZE_TOO_LARGE"):
            shift(outbox, stop=when_empty(outbox))
        assert bad in outbox.left
    configure(outbox.topic, "max.message.bytes", "10000")
    shift(outbox, stop=when_empty(outbox))
    assert outbox.left == []
    assert [record.key for record in records_on(outbox.topic)].count("o2") == 1


def test_a_message_that_the_client_refuses_breaks_the_shift_and_its_document_stays_whole(outbox: Outbox) -> None:
    bad = outbox.commit(("o1", "small"), ("o1", os.urandom(1_100_000)), ("o1", "never"))
    with pytest.raises(DeliveryFailed, match="MSG_SIZE_TOO_LARGE"):
        shift(outbox, stop=when_empty(outbox))
    assert outbox.left == [bad]
    assert "never" not in values([each for each in records_on(outbox.topic) if len(each.value) < 100]).get("o1", [])


def test_a_commit_that_no_majority_has_yet_when_the_stream_opens_is_not_missed(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The stream opens behind it, and the newest snapshot that a majority has is still without it.
    open_stream, admin = following.stream, outbox.database.client.admin

    def catch_up() -> None:
        admin.command("configureFailPoint", "disableSnapshotting", mode="off")
        outbox.database["other"].insert_one({})

    @contextmanager
    def open_behind(*databases: Any) -> Iterator[Any]:
        admin.command("configureFailPoint", "disableSnapshotting", mode="alwaysOn")
        outbox.database.get_collection("outbox", write_concern=WriteConcern(1)).insert_one(
            {"_id": "1", "messages": [outbox.message("o1", "first")]}
        )
        with open_stream(*databases) as stream:
            Timer(0.3, catch_up).start()
            yield stream

    outbox.database.create_collection("outbox")
    monkeypatch.setattr(following, "stream", open_behind)
    try:
        assert shift(outbox, stop=when_empty(outbox, seconds=10)) == 1
    finally:
        catch_up()
    assert values(records_on(outbox.topic)) == {"o1": ["first"]}


def test_a_change_stream_whose_history_is_gone_ends_the_shift_and_the_next_one_scans(outbox: Outbox) -> None:
    outbox.commit(("o1", "first"))
    with working(outbox) as (outcome, _):
        until("the shift to follow the stream", lambda: not outbox.left)
        with failing(outbox.database, "getMore", errorCode=286), pytest.raises(PyMongoError):
            outcome.result(20)
    outbox.commit(("o1", "second"))
    assert shift(outbox, stop=when_empty(outbox)) == 1
    assert values(records_on(outbox.topic)) == {"o1": ["first", "second"]}


def test_a_database_that_is_dropped_and_restored_ends_the_shift_and_the_next_one_scans(outbox: Outbox) -> None:
    outbox.commit(("o1", "first"))
    with working(outbox) as (outcome, _):
        until("the shift to follow the stream", lambda: not outbox.left)
        outbox.database.client.drop_database(outbox.database)
        outbox.commit(("o1", "second"))
        assert outcome.result(20) == 1
    assert shift(outbox, stop=when_empty(outbox)) == 1
    assert values(records_on(outbox.topic)) == {"o1": ["first", "second"]}


def test_a_stream_that_breaks_off_in_passing_goes_on_in_the_same_shift(outbox: Outbox) -> None:
    with working(outbox) as (outcome, stop):
        outbox.commit(("o1", "first"))
        until("the first to be delivered", lambda: not outbox.left)
        with failing(outbox.database, "getMore", closeConnection=True):
            outbox.commit(("o1", "second"))
            until("the second to be delivered", lambda: not outbox.left)
        stop.set()
        assert outcome.result(20) == 2
    assert values(records_on(outbox.topic)) == {"o1": ["first", "second"]}


def test_a_deletion_that_fails_breaks_the_shift_and_the_next_one_repeats(outbox: Outbox) -> None:
    outbox.commit(("o1", "first"))
    with failing(outbox.database, "delete", errorCode=8), pytest.raises(DeliveryFailed):
        shift(outbox, stop=when_empty(outbox))
    assert len(outbox.left) == 1
    shift(outbox, stop=when_empty(outbox))
    assert outbox.left == []
    assert firsts(records_on(outbox.topic)) == {"o1": ["first"]}


def test_a_lease_that_cannot_be_kept_ends_the_shift_and_the_next_one_goes_on(outbox: Outbox) -> None:
    outbox.commit(("o1", "first"))
    with working(outbox) as (outcome, _):
        until("the shift to follow the stream", lambda: not outbox.left)
        with failing(outbox.database, "update", errorCode=8), pytest.raises(PyMongoError):
            outcome.result(20)
    outbox.commit(("o1", "second"))
    assert shift(outbox, stop=when_empty(outbox)) == 1
