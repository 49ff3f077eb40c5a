"""The consumer while MongoDB or Kafka is away: it waits, blames no message for it, and goes on by itself."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ecommerce import outbox
from ecommerce.deadletters import letters as deadletters
from ecommerce.registry import engine
from tests.integration.consuming import Topic, consuming, created, letters, taken
from tests.servers import Servers
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("databases")


@pytest.fixture
def shipping(databases: None) -> Any:
    return engine("shipping")


@pytest.fixture
def topic(shipping: Any) -> Topic:
    topic = Topic()
    topic.skip_to_end(shipping)
    return topic


@contextmanager
def failing(engine: Any, *commands: str, **data: Any) -> Iterator[None]:
    """MongoDB fails these commands as long as this lasts."""
    admin = engine.database.client.admin
    admin.command("configureFailPoint", "failCommand", mode="alwaysOn", data={"failCommands": list(commands), **data})
    try:
        yield
    finally:
        admin.command("configureFailPoint", "failCommand", mode="off")


@contextmanager
def put_without_end(topic: Topic) -> Iterator[list[str]]:
    """Orders that come all the time, from a thread of their own; afterwards the list has them all."""
    orders: list[str] = []
    enough = threading.Event()

    def put() -> None:
        for number in itertools.count():
            if enough.wait(0.005):
                return
            order_id = f"o{number:05}"
            topic.put(created(order_id))
            orders.append(order_id)

    thread = threading.Thread(target=put)
    thread.start()
    try:
        yield orders
    finally:
        enough.set()
        thread.join()


def test_mongodb_killed_or_paused_in_the_middle_costs_no_message_and_no_restart(
    servers: Servers, shipping: Any, topic: Topic
) -> None:
    with consuming(shipping) as (_, outcome):
        with put_without_end(topic) as orders:
            until("the first to be taken", lambda: bool(taken(shipping)))
            servers.mongo.kill()
            put = len(orders)
            until("more to come meanwhile", lambda: len(orders) > put + 20)
            servers.mongo.start()
            until("it to go on", lambda: len(taken(shipping)) > put)
            servers.mongo.pause()
            put = len(orders)
            until("more to come meanwhile", lambda: len(orders) > put + 20)
            servers.mongo.resume()
            until("it to go on", lambda: len(taken(shipping)) > put)
        until("the last to be taken", lambda: taken(shipping) == orders)
        assert not outcome.done()
    assert letters(shipping) == []
    assert {each["v"] for each in shipping.database["shipments"].find()} == {1}


def test_kafka_killed_in_the_middle_costs_no_message_and_no_restart(
    servers: Servers, shipping: Any, topic: Topic
) -> None:
    with consuming(shipping) as (_, outcome):
        with put_without_end(topic) as orders:
            until("the first to be taken", lambda: bool(taken(shipping)))
            servers.kafka.kill()
            servers.kafka.start()
            put = len(orders)
            until("it to go on", lambda: len(taken(shipping)) > put)
        until("the last to be taken", lambda: taken(shipping) == orders)
        assert not outcome.done()
    assert letters(shipping) == []


def test_an_error_that_no_transaction_outlasts_is_waited_out_and_parks_nothing(
    shipping: Any, topic: Topic, caplog: pytest.LogCaptureFixture
) -> None:
    orders = [f"o{number}" for number in range(20)]
    with consuming(shipping):
        with failing(shipping, "insert", errorCode=8):
            topic.put(*(created(order_id) for order_id in orders))
            until("it to fail again and again", lambda: caplog.text.count("MongoDB is out of reach") > 3)
        topic.put(created("o99"))
        until("the last to be taken", lambda: "o99" in taken(shipping))
    assert taken(shipping) == sorted([*orders, "o99"])
    assert letters(shipping) == []


def test_a_poison_message_is_parked_once_when_mongodb_goes_away_in_its_batch(shipping: Any, topic: Topic) -> None:
    # The commit happens and is answered with an error for which there is no second commit: the batch is taken again.
    no_majority = {"code": 100, "errmsg": "no majority"}
    with (
        failing(shipping, "commitTransaction", writeConcernError=no_majority),
        consuming(shipping) as (consumer, _),
    ):
        topic.put(("o1", b"\xff not json"), created("o2"), created("o1"))
        until("the batch to fail at its commit", lambda: failed(shipping) > 1)
        shipping.database.client.admin.command("configureFailPoint", "failCommand", mode="off")
        until("the other order to be taken", lambda: taken(shipping) == ["o2"])
        until("the one behind it to wait", lambda: len(letters(shipping)) == 2)
        consumer.stop()
    assert letters(shipping) == [("o1", "FAILED"), ("o1", "WAITING")]
    assert shipping.database["shipments"].find_one({"_id": "o1"})["parked"] == 2
    copies = [
        message["value"]
        for document in shipping.database[outbox.COLLECTION].find(sort=[("_id", 1)])
        for message in document["messages"]
        if message["topic"] == "shipping.dlq"
    ]
    parked = shipping.database[deadletters.COLLECTION].find(sort=[("place", 1)])
    assert copies == [each["value"] for each in parked]


def failed(engine: Any) -> int:
    """How often the fail point has struck."""
    admin = engine.database.client.admin
    return int(admin.command("getParameter", **{"failpoint.failCommand": 1})["failpoint.failCommand"]["timesEntered"])


def test_a_stop_while_mongodb_is_away_ends_without_an_error(
    servers: Servers, databases: None, caplog: pytest.LogCaptureFixture
) -> None:
    # The single writer, which asks for its lease all the time and gives it back at the end.
    inventory = engine("inventory")
    Topic().skip_to_end(inventory)
    with consuming(inventory) as (consumer, outcome):
        until("it to work", lambda: "assigned" in caplog.text)
        servers.mongo.kill()
        try:
            until("it to wait for MongoDB", lambda: "MongoDB is out of reach" in caplog.text)
            consumer.stop()
            assert outcome.result(30) is None
        finally:
            servers.mongo.start()
