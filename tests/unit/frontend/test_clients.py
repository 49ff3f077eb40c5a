"""What a client is sent: the latest of each order, in bounded pieces, and never an older one after a newer."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from frontend import clients
from frontend.clients import Client, Pending, snapshot
from frontend.layer import Numbers, Update


def update(order: str, version: int) -> Update:
    return Update("alice", order, version, json.dumps({"orderId": order, "version": version}).encode())


def frame(pending: Pending) -> Any:
    return json.loads(pending.frame())


def versions(told: Any) -> dict[str, int]:
    return {each["orderId"]: each["version"] for each in told["orders"]}


def test_one_change_is_one_order() -> None:
    pending = Pending()
    pending.add(update("o1", 3))
    assert frame(pending) == {"type": "order.updated", "order": {"orderId": "o1", "version": 3}}
    assert not pending


def test_of_several_states_of_an_order_the_latest_is_sent_and_the_others_are_counted() -> None:
    pending = Pending()
    for version in (1, 2, 3):
        pending.add(update("o1", version))
        pending.add(update("o2", version))
    told = frame(pending)
    assert (told["type"], told["skipped"], versions(told)) == ("orders.updated", 4, {"o1": 3, "o2": 3})
    pending.add(update("o1", 4))
    assert frame(pending)["type"] == "order.updated"


def test_an_older_state_never_follows_a_newer() -> None:
    pending = Pending()
    pending.add(update("o1", 3))
    pending.add(update("o1", 2))
    assert frame(pending)["order"]["version"] == 3
    for version in (2, 3):
        pending.add(update("o1", version))
    assert not pending


def test_what_a_snapshot_has_is_not_sent_again_and_what_is_newer_is() -> None:
    pending = Pending()
    for order, version in (("o1", 5), ("o2", 5), ("o3", 5)):
        pending.add(update(order, version))
    pending.start_over([update("o1", 5), update("o2", 4)])
    pending.add(update("o1", 4))
    assert versions(frame(pending)) == {"o2": 5, "o3": 5}


def test_after_a_snapshot_of_an_older_database_its_orders_move_on_from_there() -> None:
    pending = Pending()
    pending.add(update("o1", 9))
    pending.frame()
    pending.start_over([update("o1", 2)])
    pending.add(update("o1", 3))
    assert frame(pending)["order"]["version"] == 3


def test_what_does_not_fit_comes_later_and_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "MOST_IN_A_FRAME", 3)
    pending = Pending()
    for number in range(7):
        pending.add(update(f"o{number}", 1))
    assert [list(versions(frame(pending))) for _ in range(2)] == [["o0", "o1", "o2"], ["o3", "o4", "o5"]]
    assert frame(pending)["order"]["orderId"] == "o6"


def test_what_was_sent_is_remembered_for_so_many_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "_MOST_SHOWN", 2)
    pending = Pending()
    for order in ("o1", "o2", "o3"):
        pending.add(update(order, 2))
        pending.frame()
    assert list(pending._shown) == ["o2", "o3"]


def test_a_client_is_due_as_long_as_there_is_something_for_it() -> None:
    async def play() -> None:
        client = Client(customer_id="alice", sees_pipeline=True)
        assert client.due.is_set()
        client.wants_snapshot = False
        assert client.next_frame() is None
        assert not client.due.is_set()
        client.show(b'{"at":1}')
        client.show(b'{"at":2}')
        client.update(update("o1", 1))
        assert json.loads(client.next_frame() or "") == {"type": "pipeline.stats", "at": 2}
        assert client.due.is_set()
        assert json.loads(client.next_frame() or "")["type"] == "order.updated"
        assert not client.due.is_set()
        client.renew()
        assert client.due.is_set()

    asyncio.run(play())


def test_a_snapshot_holds_orders_and_for_some_the_pipeline() -> None:
    at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    told = json.loads(snapshot(at, [update("o1", 1)], None))
    orders = [{"orderId": "o1", "version": 1}]
    assert told == {"type": "snapshot", "at": "2026-01-31T12:00:00Z", "orders": orders, "pipeline": None}
    assert json.loads(snapshot(at, [], b'{"breakers":[]}'))["pipeline"] == {"breakers": []}


def test_a_number_that_is_left_out_tells_that_something_was_missed() -> None:
    numbers = Numbers()
    heard = [("a", 7), ("a", 8), ("a", 10), ("a", 11), ("b", 1), ("a", 12), ("b", 2), ("b", 2)]
    assert [numbers.misses(*each) for each in heard] == [True, False, True, False, True, False, False, True]
