"""The projection: from events on Kafka to orders as they are in orders' database, also where no event tells of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from ecommerce import storage
from ecommerce.deadletters.desk import Actor, Desk
from ecommerce.deadletters.selection import Selection
from ecommerce.leases import Lease
from ecommerce.memory import key, memory
from ecommerce.messages import encode
from ecommerce.registry import engine
from frontend import audience, following, projection
from frontend.following import Follower
from frontend.layer import Update
from frontend.projection import Projection
from orders.service import ORDER
from tests.integration.consuming import Topic, envelope_of
from tests.integration.parking import Feed, bytes_of, reserved
from tests.integration.people import Person, customer, stock_the_shop
from tests.servers import Servers
from tests.waiting import until

INVENTORY = "inventory.events"


class Told:
    """A voice that remembers what it says, in the place of the one that Redis carries."""

    heard: list[list[Update]]
    silences: int

    def __init__(self, runner: Any) -> None:
        pass

    def say(self, updates: Any = ()) -> bool:
        self.heard.append([*updates])
        return True

    def keep_silent(self) -> None:
        Told.silences += 1


@pytest.fixture
def alice(databases: None, servers: Servers) -> Person:
    stock_the_shop()
    return customer("alice")


@pytest.fixture
def told(alice: Person, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[Update]]]:
    """What a projection that runs tells, in a thread."""
    Told.heard, Told.silences = [], 0
    monkeypatch.setattr(projection, "Voice", Told)
    monkeypatch.setattr(audience, "_KEPT_SECONDS", 3600)
    audience.attend()
    live = Projection()
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(live.run)
        try:
            until("it to follow", lambda: bool(Told.heard), seconds=90)
            yield Told.heard
        finally:
            live.stop()
            running.result(60)


def versions(told: list[list[Update]], order: str) -> list[int]:
    return [update.version for updates in told for update in updates if update.order_id == order]


def version(order: str) -> int:
    found = engine("orders").database[ORDER.collection].find_one({"_id": order})
    return int(found["v"]) if found else 0


def is_told(told: list[list[Update]], order: str) -> bool:
    return versions(told, order)[-1:] == [version(order)]


def test_an_event_has_its_order_told_once_orders_has_taken_it(alice: Person, told: list[list[Update]]) -> None:
    order = alice.order()
    Topic(INVENTORY).put(reserved(order), type="InventoryReserved")
    until("the order to be told", lambda: is_told(told, order))
    before = versions(told, order)
    given = Feed(engine("orders")).input(reserved(order), data=encode(envelope_of(reserved(order))))
    engine("orders").take([given])
    until("the change to be told", lambda: is_told(told, order))
    assert len(versions(told, order)) == len(before) + 1


def test_where_nobody_listens_nothing_is_told_and_who_comes_is_told_what_orders_takes_only_then(
    alice: Person, told: list[list[Update]]
) -> None:
    memory(patience=1.0).delete(key("live", "audience"))
    silent = len(told) + 2
    until("it to know that nobody listens", lambda: len(told) > silent)
    taken, waiting = alice.order(), alice.order()
    for order in (taken, waiting):
        Topic("orders.events").put((order, b"{}"), type="OrderConfirmed")
    Topic(INVENTORY).put(reserved(waiting), type="InventoryReserved")  # which orders has not taken
    until("it to have kept silent", lambda: Told.silences > 0)
    assert not versions(told, taken) + versions(told, waiting)
    audience.attend()
    given = Feed(engine("orders")).input(reserved(waiting), data=encode(envelope_of(reserved(waiting))))
    engine("orders").take([given])
    until("the change to be told", lambda: is_told(told, waiting))


def test_an_order_behind_a_dead_letter_is_told_when_that_is_replayed(alice: Person, told: list[list[Update]]) -> None:
    order, orders = alice.order(), engine("orders")
    broken = (order, b"\xff broken")
    Topic(INVENTORY).put(broken, type="InventoryReserved")
    bad = Feed(orders).spoil(reserved(order))
    until("the order to be told", lambda: is_told(told, order))
    desk, actor = Desk(orders), Actor(by="clerk")
    desk.edit(bad, bytes_of(reserved(order)), actor)
    (chain,) = desk.chains(Selection(ids=(bad,)))
    assert desk.replay(chain, actor).taken == [bad]
    until("the mended order to be told", lambda: is_told(told, order))
    assert storage.history(orders.database, order)[-1]["type"] == "InventoryReserved"


def test_one_at_a_time_tells(alice: Person, told: list[list[Update]], monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[bool] = []

    class Asked(Lease):
        def take(self) -> bool:
            answers.append(super().take())
            return answers[-1]

    monkeypatch.setattr(projection, "Lease", Asked)
    second = Projection()
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(second.run)
        try:
            order = alice.order()
            Topic(INVENTORY).put(reserved(order), type="InventoryReserved")
            until("the order to be told", lambda: is_told(told, order))
            until("the second to have asked for its turn", lambda: len(answers) > 1)
            assert not any(answers)
            assert len(versions(told, order)) == 1
        finally:
            second.stop()
            running.result(60)


def test_what_is_no_event_stops_nothing(alice: Person, told: list[list[Update]]) -> None:
    topic = Topic(INVENTORY)
    for type in (None, "", "Unknown", "InventoryReserved", "OrderCompleted"):
        topic.put(("", b""), ("nobody", b"\xff"), ("x" * 1000, b"{}"), type=type)
    order = alice.order()
    topic.put(reserved(order), type="InventoryReserved")
    until("the order to be told", lambda: is_told(told, order))


def test_it_rests_after_few_messages_and_reads_later_what_comes_meanwhile(
    databases: None, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower, topic = Follower([INVENTORY]), Topic(INVENTORY)
    rests: list[float] = []

    def rest(seconds: float) -> None:
        rests.append(seconds)
        topic.put(("order", b"2"), type="InventoryReserved")
        assert follower._consumer.poll(1.0) is None

    def read(*, rest: float) -> bool:
        values.extend(message.value() or b"" for message in follower.read(0.05, rest=rest))
        return bool(values)

    monkeypatch.setattr(following, "time", SimpleNamespace(sleep=rest))
    values: list[bytes] = []
    try:
        until("it to follow", lambda: read(rest=0.0) or follower.assigned, seconds=90)
        topic.put(("order", b"1"), type="InventoryReserved")
        until("the first", lambda: read(rest=7.0))
        assert (values, rests) == ([b"1"], [7.0])
        values.clear()
        until("what came meanwhile", lambda: read(rest=0.0))
        assert values == [b"2"]
    finally:
        follower.close()
