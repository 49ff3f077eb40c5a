"""The consumer on a real Kafka and MongoDB: it reads from where the database says, and loses nothing in an outage."""

import os
import signal
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message
from pymongo.errors import AutoReconnect

from ecommerce import consumer as consumer_module
from ecommerce import gathering, storage
from ecommerce.deadletters import letters as deadletters
from ecommerce.killpoints import Place
from ecommerce.leases import Lease
from ecommerce.registry import engine
from ecommerce.topics import PARTITIONS
from orders.events import OrderConfirmed
from tests.integration.consuming import Topic, consuming, created, letters, members, position, set_position, taken
from tests.integration.parking import reserved
from tests.integration.relaying import Outbox, shift, when_empty
from tests.processes import MANAGE, ProjectProcess, running
from tests.topics import records_on
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("databases")


@pytest.fixture
def shipping(databases: None) -> Any:
    return engine("shipping")


@pytest.fixture
def inventory(databases: None) -> Any:
    return engine("inventory")


@pytest.fixture
def topic(shipping: Any, inventory: Any) -> Topic:
    topic = Topic()
    for each in (shipping, inventory):
        topic.skip_to_end(each)
    return topic


def test_it_reads_from_the_databases_positions_and_drops_what_is_in_the_log(shipping: Any, topic: Topic) -> None:
    offsets = topic.put(created("o1"), created("o2"))
    with consuming(shipping):
        until("both to be taken", lambda: taken(shipping) == ["o1", "o2"])
    assert position(shipping) == offsets[1] + 1
    # A backup from before the second order: Kafka's own offsets are further.
    set_position(shipping, topic.name, 0, offsets[0])
    shipping.database[storage.EVENTS].delete_many({"_id": {"$regex": "^o2:"}})
    shipping.database["shipments"].delete_one({"_id": "o2"})
    with consuming(shipping):
        until("the second to be taken again", lambda: taken(shipping) == ["o1", "o2"])
        until("the position to be where it was", lambda: position(shipping) == offsets[1] + 1)
    assert shipping.database["shipments"].find_one({"_id": "o1"})["v"] == 1


def test_a_position_that_was_not_due_is_saved_when_it_is_idle_and_when_it_stops(shipping: Any, topic: Topic) -> None:
    (first,) = topic.put(created("o1"))
    with consuming(shipping):
        until("the first to be taken", lambda: position(shipping) == first + 1)
        (second,) = topic.put(created("o2"))  # within a second of the last saving
        until("the position to be saved with nothing else to do", lambda: position(shipping) == second + 1)
        (third,) = topic.put(created("o3"))
        until("the third to be taken", lambda: taken(shipping) == ["o1", "o2", "o3"])
    assert position(shipping) == third + 1


def test_the_position_of_what_could_not_be_taken_is_not_saved_at_the_stop(
    shipping: Any, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = topic.put(created("o1"))
    with consuming(shipping) as (consumer, _):
        until("the first to be taken", lambda: position(shipping) == first + 1)

        def out_of_reach_and_told_to_stop(*_: object) -> None:
            consumer.stop()
            raise AutoReconnect("a moment before it is back")

        monkeypatch.setattr(shipping, "take", out_of_reach_and_told_to_stop)
        topic.put(created("o2"))
    assert position(shipping) == first + 1
    monkeypatch.undo()
    with consuming(shipping):
        until("the second to be taken after all", lambda: taken(shipping) == ["o1", "o2"])


def test_what_comes_while_it_waits_for_mongodb_is_taken_after_it(
    shipping: Any, topic: Topic, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    take, away, tries = shipping.take, True, list[int]()

    def take_or_fail(inputs: Any, *also: Any, **more: Any) -> Any:
        tries.append(len(inputs))
        if away:
            raise AutoReconnect("gone")
        return take(inputs, *also, **more)

    monkeypatch.setattr(shipping, "take", take_or_fail)
    monkeypatch.setattr(consumer_module, "_MOST_KEPT", 3)
    orders = [f"o{number}" for number in range(10, 30)]
    with consuming(shipping):
        topic.put(created(orders[0]))
        until("it to wait", lambda: len(tries) > 1)
        topic.put(*map(created, orders[1:]))
        until("it to have kept some", lambda: len(tries) > 5)
        away = False
        until("all to be taken", lambda: taken(shipping) == orders)
    entries = shipping.database[storage.EVENTS].find(sort=[("taken_at", 1)])
    assert [storage.key_of(entry) for entry in entries] == orders
    assert "joining anew" not in caplog.text


def test_without_positions_it_reads_from_the_beginning_whatever_kafka_remembers(shipping: Any, topic: Topic) -> None:
    # A name of its own: it must not wait behind what another test has let fail.
    offsets = topic.put(created("whole"))
    with consuming(shipping):
        until("the order to be taken", lambda: taken(shipping) == ["whole"])
    shipping.database[storage.POSITIONS].delete_many({})
    shipping.database[storage.EVENTS].delete_many({})
    shipping.database["shipments"].delete_many({})
    with consuming(shipping):
        until("the order to be taken again", lambda: "whole" in taken(shipping))
        until("the position to be behind it", lambda: position(shipping) == offsets[0] + 1)


def test_what_it_does_not_take_is_skipped_and_the_position_goes_on(shipping: Any, topic: Topic) -> None:
    (skipped,) = topic.put(OrderConfirmed(order_id="o1"), type="OrderConfirmed")
    with consuming(shipping):
        until("the position to be saved alone", lambda: position(shipping) == skipped + 1)
        topic.put(OrderConfirmed(order_id="o1"), type="OrderConfirmed")
        (last,) = topic.put(created("o2"))
        until("the position to go with the next batch", lambda: position(shipping) == last + 1)
    assert (taken(shipping), letters(shipping)) == (["o2"], [])


def test_what_can_wait_is_taken_together_with_the_urgent_event_that_comes_after_it(
    databases: None, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    payments, batches = engine("payments"), list[list[str]]()
    topic.skip_to_end(payments)
    take = payments.take

    def noted(inputs: Any, *given: Any, **known: Any) -> Any:
        batches.append([each.envelope.event_type for each in inputs])
        return take(inputs, *given, **known)

    seen, is_urgent = list[int | None](), gathering.is_urgent

    def seeing(message: Message, urgent: Collection[str]) -> bool:
        seen.append(message.offset())
        return is_urgent(message, urgent)

    monkeypatch.setattr(payments, "take", noted)
    monkeypatch.setattr(gathering, "_PATIENCE", 60.0)
    monkeypatch.setattr(gathering, "is_urgent", seeing)
    with consuming(payments):
        for order in ("o1", "o2"):
            (offset,) = topic.put(created(order), type="OrderCreated")
            until("it to be in the consumer's hands", lambda offset=offset: offset in seen)
        assert batches == []
        Topic("inventory.events").put(reserved("o1"), type="InventoryReserved")
        until("all to be taken", lambda: bool(batches))
    assert batches == [["OrderCreated", "OrderCreated", "InventoryReserved"]]


def test_what_can_wait_does_not_wait_for_long(shipping: Any, topic: Topic) -> None:
    with consuming(shipping):
        topic.put(created("o1"), type="OrderCreated")
        until("it to be taken with nothing after it", lambda: taken(shipping) == ["o1"])


def test_bytes_that_are_no_event_are_parked_and_the_partition_goes_on(shipping: Any, topic: Topic) -> None:
    topic.put(("o1", b"\xff not json"), created("o2"), created("o1"), created("o3"))
    with consuming(shipping):
        until("the others to be taken", lambda: taken(shipping) == ["o2", "o3"])
    assert letters(shipping) == [("o1", "FAILED"), ("o1", "WAITING")]


def test_large_messages_that_fail_together_are_parked_although_one_document_could_not_hold_them(
    shipping: Any, topic: Topic
) -> None:
    # One from each partition comes in a single answer of the broker: 24 times 900 KB.
    for name in shipping.service.topics:
        for partition in range(PARTITIONS):
            Topic(name, partition).put((f"{name}-{partition}", b"\xff" * 900_000))
    with consuming(shipping):
        until("all to be parked", lambda: len(letters(shipping)) == 2 * PARTITIONS)


def test_a_message_as_large_as_kafka_takes_is_parked_whole_and_its_copy_does_not_stop_the_relay(
    shipping: Any, topic: Topic
) -> None:
    data = os.urandom(1_040_000)
    topic.put(("o1", data), created("o2"))
    with consuming(shipping):
        until("the other to be taken", lambda: taken(shipping) == ["o2"])
    (letter,) = shipping.database[deadletters.COLLECTION].find()
    assert (letter["key"], letter["value"]) == ("o1", data)
    waiting = Outbox(shipping.database, topic.name)
    assert shift(waiting, stop=when_empty(waiting)) == 1
    assert waiting.left == []
    (copy,) = [
        each
        for each in records_on("shipping.dlq")
        if dict(each.headers).get("dead-letter-id") == letter["_id"].encode()
    ]
    assert (copy.key, copy.value) == ("o1", data[: len(copy.value)])
    assert dict(copy.headers)["dead-letter-size"] == b"1040000"


def test_a_stopped_consumer_finishes_the_batch_in_hand(
    shipping: Any, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    offsets = topic.put(*(created(f"o{n}") for n in range(5)))
    take = shipping.take
    with consuming(shipping) as (consumer, outcome):

        def stop_and_take(*given: Any, **known: Any) -> Any:
            consumer.stop()
            return take(*given, **known)

        monkeypatch.setattr(shipping, "take", stop_and_take)
        outcome.result(30)
    count = len(taken(shipping))
    assert count > 0
    assert position(shipping) == offsets[0] + count


def test_sigterm_ends_the_process_with_nothing_half_taken(shipping: Any, topic: Topic, tmp_path: Path) -> None:
    arguments = [MANAGE, "consume", "shipping"]
    process = running(ProjectProcess(name="consume", arguments=arguments, env={"SERVICE": "shipping"}), tmp_path)
    offsets = topic.put(*(created(f"o{n:03}") for n in range(200)))
    process.start()
    try:
        until("it to begin", lambda: bool(taken(shipping)))
        os.kill(process.pid, signal.SIGTERM)
        until("it to end", lambda: not process.running)
    finally:
        process.kill()
    done = taken(shipping)
    assert done == [f"o{n:03}" for n in range(len(done))]
    assert position(shipping) == offsets[0] + len(done)


def test_a_second_single_writer_waits_and_follows_the_first_when_that_is_stopped(inventory: Any, topic: Topic) -> None:
    with consuming(inventory) as (first, _), consuming(inventory):
        topic.put(created("o1"))
        until("one of them to take the order", lambda: taken(inventory) == ["o1"])
        holder = inventory.database["leases"].find_one({"_id": "consumer"})["holder"]
        topic.put(created("o2"))
        until("it to take the next", lambda: taken(inventory) == ["o1", "o2"])
        assert inventory.database["leases"].find_one({"_id": "consumer"})["holder"] == holder
        first.stop()
        topic.put(created("o3"))
        until("the third to be taken", lambda: taken(inventory) == ["o1", "o2", "o3"])


def test_a_second_single_writer_takes_over_when_the_first_process_is_killed(
    inventory: Any, topic: Topic, tmp_path: Path
) -> None:
    arguments = [MANAGE, "consume", "inventory"]
    process = running(ProjectProcess(name="consume", arguments=arguments, env={"SERVICE": "inventory"}), tmp_path)
    process.start()
    try:
        topic.put(created("o1"))
        until("the process to take the order", lambda: taken(inventory) == ["o1"])
        holder = inventory.database["leases"].find_one({"_id": "consumer"})["holder"]
        with consuming(inventory):
            process.kill()
            topic.put(created("o2"))
            until("the other to take the next", lambda: taken(inventory) == ["o1", "o2"])
            assert inventory.database["leases"].find_one({"_id": "consumer"})["holder"] not in ("", holder)
    finally:
        process.kill()


@pytest.mark.parametrize("place", [Place.CONSUMER_AT_ASSIGNMENT, Place.ENGINE_BEFORE_COMMIT])
def test_others_go_on_within_45_seconds_when_a_process_dies_joining_or_in_a_transaction(
    shipping: Any, topic: Topic, tmp_path: Path, place: Place
) -> None:
    # The group waits for the dead one's session, MongoDB for the end of its transaction, at worst one after the other.
    arguments = [MANAGE, "consume", "shipping"]
    dying = {"SERVICE": "shipping", "KILL_POINT": place, "KILL_POINT_FILE": str(tmp_path / "died")}
    process = running(ProjectProcess(name="consume", arguments=arguments, env=dying), tmp_path)
    topic.put(created("o1"))
    process.launch()
    try:
        until("it to die", (tmp_path / "died").exists)
        with consuming(shipping):
            topic.put(created("o2"))
            until("another to take both", lambda: taken(shipping) == ["o1", "o2"], seconds=45)
    finally:
        process.kill()


def test_a_single_writer_that_lost_its_lease_takes_nothing_until_it_has_it_again(inventory: Any, topic: Topic) -> None:
    leases = inventory.database["leases"]
    with consuming(inventory):
        topic.put(created("o1"))
        until("the order to be taken", lambda: taken(inventory) == ["o1"])
        leases.update_one({"_id": "consumer"}, {"$set": {"holder": ""}})
        other = Lease(inventory.database, "consumer", seconds=60)
        assert other.take()
        until("it to have left", lambda: not members(inventory.service.name))
        topic.put(created("o2"))
        assert taken(inventory) == ["o1"]
        other.release()
        until("it to have come back", lambda: taken(inventory) == ["o1", "o2"])
