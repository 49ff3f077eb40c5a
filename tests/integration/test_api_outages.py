"""Orders over HTTP while MongoDB, Kafka or Redis is away: a 503 that tells when to try again, or the order as ever."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections

from ecommerce import storage
from ecommerce.inputs import Source
from ecommerce.reading import read_bytes
from ecommerce.registry import engine
from tests.integration.people import ORDER, ORDERS, Person, everything_in, problem_of
from tests.servers import RunningServer, Servers
from tests.waiting import until

SECONDS = 30  # in which a request must be answered, on a busy machine


@contextmanager
def frozen(server: RunningServer) -> Iterator[None]:
    server.pause()
    try:
        yield
    finally:
        server.resume()


@contextmanager
def dead(server: RunningServer) -> Iterator[None]:
    server.kill()
    try:
        yield
    finally:
        server.start()


@contextmanager
def without_a_majority(server: RunningServer) -> Iterator[None]:
    """Commits are written and never confirmed."""
    admin = connections["orders"].connection.admin
    no_majority = {"code": 64, "errmsg": "waiting for replication timed out", "errInfo": {"wtimeout": True}}
    fail = {"failCommands": ["commitTransaction"], "writeConcernError": no_majority}
    admin.command("configureFailPoint", "failCommand", mode="alwaysOn", data=fail)
    try:
        yield
    finally:
        admin.command("configureFailPoint", "failCommand", mode="off")


def post(person: Person, key: str) -> Any:
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(person.post, ORDERS, ORDER, key=key).result(SECONDS)


@pytest.mark.parametrize("outage", [frozen, dead, without_a_majority])
def test_without_mongodb_an_order_is_refused_with_a_503_and_the_same_request_afterwards_makes_one_order(
    servers: Servers, alice: Person, outage: Any
) -> None:
    key, before = outage.__name__, len(everything_in("orders")["orders"])
    with outage(servers.mongo):
        answer = post(alice, key)
        assert problem_of(answer) == (503, "/problems/unavailable", [])
        assert int(answer["Retry-After"]) > 0
    first: list[Any] = []

    def taken() -> bool:
        first.append(post(alice, key))
        return bool(first[-1].status_code == 201)

    until("MongoDB to be found again", taken)
    order_id = first[-1].json()["orderId"]
    assert post(alice, key).content == first[-1].content
    stored = everything_in("orders")
    assert len(stored["orders"]) == before + 1
    # All of it is there, once: the command, the event, the order and what goes to Kafka.
    assert sorted(each["type"] for each in stored["events"] if each["_id"].startswith(order_id)) == [
        "OrderCreated",
        "PlaceOrder",
    ]
    assert [m["key"] for each in stored["outbox"] for m in each["messages"] if m["key"] == order_id] == [order_id]


@pytest.mark.parametrize("outage", [frozen, dead])
@pytest.mark.parametrize("name", ["kafka", "redis"])
def test_without_kafka_or_redis_an_order_is_taken(servers: Servers, alice: Person, outage: Any, name: str) -> None:
    with outage(getattr(servers, name)):
        assert post(alice, f"{outage.__name__} {name}").status_code == 201


def test_an_order_that_a_restored_backup_has_forgotten_comes_back_from_its_topic(alice: Person) -> None:
    orders = engine("orders")
    first = alice.post(ORDERS, ORDER, key="forgotten")
    order_id = first.json()["orderId"]
    created = next(each for each in storage.history(orders.database, order_id) if each["type"] == "OrderCreated")
    was = alice.get(f"{ORDERS}/{order_id}").json()
    orders.database[storage.EVENTS].delete_many({"_id": {"$regex": f"^{order_id}:"}})
    orders.database["orders"].delete_one({"_id": order_id})
    assert alice.get(f"{ORDERS}/{order_id}").status_code == 404
    source = Source(topic="orders.events", partition=0, offset=0, key=order_id.encode())
    message = read_bytes(orders.service, created["data"], source)
    assert message is not None
    taken = orders.take([message, message])
    assert [(each.duplicate, each.events) for each in taken] == [(False, []), (True, [])]
    now = alice.get(f"{ORDERS}/{order_id}").json()
    assert {name for name in was if was[name] != now[name]} == {"createdAt", "updatedAt"}  # here, that is
    assert alice.post(ORDERS, ORDER, key="forgotten").content == first.content


def test_an_orders_own_event_is_known_without_a_second_attempt(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = engine("orders")
    order_id = alice.order()
    created = next(each for each in storage.history(orders.database, order_id) if each["type"] == "OrderCreated")
    source = Source(topic="orders.events", partition=0, offset=0, key=order_id.encode())
    message = read_bytes(orders.service, created["data"], source)
    assert message is not None
    attempts: list[bool] = []
    attempt = orders._take

    def counted(*given: Any, look_up: bool) -> Any:
        attempts.append(look_up)
        return attempt(*given, look_up=look_up)

    monkeypatch.setattr(orders, "_take", counted)
    assert [each.duplicate for each in orders.take([message])] == [True]
    assert attempts == [False]
