"""The engine on a real MongoDB, with inventory's own functions."""

import threading
from typing import Any

import pytest

from ecommerce import identity, outbox, storage
from ecommerce.deadletters import letters as deadletters
from ecommerce.engine import Engine
from ecommerce.inputs import Position, Source
from ecommerce.messages import Refused, encode, seal_in_envelope
from ecommerce.reading import read_bytes
from ecommerce.rebuild import Fold, repair
from ecommerce.registry import engine
from inventory.messages import AdjustStock, PutProduct
from orders.events import Item, OrderCreated, Sealed
from shipping.events import OrderShipped, ShipmentCancelled

pytestmark = pytest.mark.usefixtures("databases")

SEALED = Sealed(key_id="k", address="a", payment_token="t")
AT = identity.now()


@pytest.fixture
def inventory(databases: None) -> Any:
    stock = engine("inventory")
    stock.execute(PutProduct(sku="S", name="Cup", price=100, currency="USD"), id="put")
    stock.execute(AdjustStock(sku="S", delta=10, reason="came in", by="staff"), id="adjust")
    return stock


def created(order_id: str, quantity: int = 1) -> OrderCreated:
    items = (Item(sku="S", quantity=quantity, unit_price=100),)
    total = 100 * quantity
    return OrderCreated(
        order_id=order_id, customer_id="c", items=items, total_amount=total, currency="USD", sealed=SEALED
    )


def message(stock: Any, event: Any, offset: int, *, id: str | None = None, data: bytes | None = None) -> Any:
    """An input as the consumer makes it of a message on Kafka."""
    id = id or f"{type(event).__name__}-{event.order_id}"
    data = data or encode(seal_in_envelope(event, id=id, at=AT, cause=None))
    headers = (("event-type", type(event).__name__.encode()),)
    source = Source(topic=event.topic, partition=0, offset=offset, key=event.order_id.encode(), headers=headers)
    return read_bytes(stock.service, data, source)


def row(stock: Any) -> tuple[int, int, int]:
    document = stock.database["stock"].find_one({"_id": "S"})
    return document["on_hand"], document["available"], document["reserved"]


def types(stock: Any, key: str) -> list[tuple[int, str]]:
    return [(entry["v"], entry["type"]) for entry in storage.history(stock.database, key)]


def test_a_batch_takes_effect_in_its_order_and_changes_the_rows_beside_it(inventory: Any) -> None:
    inputs = [message(inventory, created("o1", 4), 0), message(inventory, created("o2", 7), 1)]
    first, second = inventory.take([*inputs, message(inventory, ShipmentCancelled(order_id="o1", reason="STAFF"), 2)])[
        :2
    ]
    assert [event.event_type for event in first.events] == ["InventoryReserved"]
    assert [event.event_type for event in second.events] == ["InventoryReservationFailed"]
    assert row(inventory) == (10, 10, 0)
    expected = ["OrderCreated", "InventoryReserved", "ShipmentCancelled", "InventoryReleased"]
    assert types(inventory, "o1") == list(enumerate(expected, start=1))


def test_an_input_in_the_log_changes_nothing_whether_in_one_batch_or_another(inventory: Any) -> None:
    given = message(inventory, created("o1", 4), 0)
    once, again = inventory.take([given, given])
    assert (once.duplicate, again.duplicate) == (False, True)
    fresh = message(inventory, created("o2", 1), 1)
    repeated, new = inventory.take([given, fresh])
    assert (repeated.duplicate, new.duplicate) == (True, False)
    assert row(inventory) == (10, 5, 5)
    assert types(inventory, "o1") == [(1, "OrderCreated"), (2, "InventoryReserved")]


def test_a_command_repeated_by_many_at_once_has_its_effect_once(inventory: Any) -> None:
    command = AdjustStock(sku="S", delta=3, reason="came in", by="staff")
    # An engine each, as in as many processes: those of one process share a commit.
    engines = [Engine(inventory.service) for _ in range(8)]
    threads = [threading.Thread(target=each.execute, args=(command,), kwargs={"id": "same"}) for each in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert row(inventory) == (13, 13, 0)


def test_no_update_is_lost_and_no_version_doubled_when_many_write_one_aggregate(inventory: Any) -> None:
    def work(name: int) -> None:
        process = Engine(inventory.service)  # one of its own: those of one process share their commits
        for number in range(10):
            adjust = AdjustStock(sku="S", delta=1, reason="came in", by="staff")
            process.execute(adjust, id=f"{name}-{number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert row(inventory) == (90, 90, 0)
    assert [version for version, _ in types(inventory, "S")] == list(range(1, 84))


def test_a_refused_command_stores_nothing(inventory: Any) -> None:
    before = types(inventory, "S")
    with pytest.raises(Refused) as refused:
        inventory.execute(AdjustStock(sku="S", delta=-11, reason="gone", by="staff"), id="too much")
    assert refused.value.code == "insufficient_stock"
    assert (types(inventory, "S"), row(inventory)) == (before, (10, 10, 0))


def test_a_command_that_comes_again_is_not_refused_for_what_it_did_itself(inventory: Any) -> None:
    take_all = AdjustStock(sku="S", delta=-10, reason="gone", by="staff")
    assert not inventory.execute(take_all, id="take").duplicate
    before = types(inventory, "S")
    assert inventory.execute(take_all, id="take").duplicate
    assert types(inventory, "S") == before
    with pytest.raises(Refused):
        inventory.execute(take_all, id="another")


def test_the_same_input_makes_the_same_event_again_and_services_never_collide(inventory: Any) -> None:
    outcome = inventory.take([message(inventory, created("o1"), 0)])[0]
    same = {"cause": "OrderCreated-o1", "event_type": "InventoryReserved", "index": 0, "at": AT}
    assert outcome.events[0].event_id == identity.event_id(service="inventory", **same)
    assert outcome.events[0].causation_id == "OrderCreated-o1"
    others = {
        identity.event_id(service="payments", **same),
        identity.event_id(service="inventory", **same | {"event_type": "InventoryReleased"}),
        identity.event_id(service="inventory", **same | {"index": 1}),
    }
    assert len(others | {outcome.events[0].event_id}) == 4


def test_positions_are_written_with_the_batch_and_never_move_back(inventory: Any) -> None:
    place = Position("orders.events", 0)
    inventory.take([message(inventory, created("o1"), 6)], {place: 7})
    inventory.take([message(inventory, created("o2"), 2)], {place: 3})
    assert [each["offset"] for each in inventory.database["positions"].find()] == [7]


def test_the_outbox_has_one_document_a_commit_with_headers_and_bytes(inventory: Any) -> None:
    inventory.database[outbox.COLLECTION].delete_many({})
    inventory.take([message(inventory, created("o1"), 0), message(inventory, created("o2"), 1)])
    (document,) = inventory.database[outbox.COLLECTION].find()
    assert [(each["topic"], each["key"]) for each in document["messages"]] == [
        ("inventory.events", "o1"),
        ("inventory.events", "o2"),
    ]
    names = [name for name, _ in document["messages"][0]["headers"]]
    assert names == ["event-type", "event-version", "correlation-id", "causation-id", "traceparent"]


def test_the_outbox_keeps_an_aggregates_order_when_the_clock_goes_back(
    inventory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory.database[outbox.COLLECTION].delete_many({})
    inventory.take([message(inventory, created("o1"), 0)])
    monkeypatch.setattr(identity, "now", lambda: AT.replace(year=2000))
    inventory.take([message(inventory, ShipmentCancelled(order_id="o1", reason="STAFF"), 1)])
    documents = inventory.database[outbox.COLLECTION].find(sort=[("_id", 1)])
    sent = [dict(each["messages"][0]["headers"])["event-type"] for each in documents]
    assert sent == [b"InventoryReserved", b"InventoryReleased"]


def test_a_message_that_cannot_be_read_is_parked_alone_with_its_followers(inventory: Any) -> None:
    bad = message(inventory, created("o1"), 0, data=b"\xff not json")
    follower = message(inventory, OrderShipped(order_id="o1", carrier="c", tracking_number="n"), 1)
    other = message(inventory, created("o2", 2), 2)
    outcomes = inventory.take([bad, follower, other])
    assert [outcome.parked for outcome in outcomes] == [True, True, False]
    letters = list(inventory.database[deadletters.COLLECTION].find({"key": "o1"}, sort=[("place", 1)]))
    assert [(each["status"], each["place"], each["value"]) for each in letters] == [
        ("FAILED", 0, b"\xff not json"),
        ("WAITING", 1, follower.data),
    ]
    assert row(inventory) == (10, 8, 2)
    again = inventory.take([bad, follower, other])
    assert [outcome.duplicate for outcome in again] == [True, True, True]
    assert inventory.database[deadletters.COLLECTION].count_documents({}) == 2
    copies = [
        m for d in inventory.database[outbox.COLLECTION].find() for m in d["messages"] if m["topic"] == "inventory.dlq"
    ]
    assert [copy["value"] for copy in copies] == [b"\xff not json", follower.data]


def test_types_that_a_service_does_not_take_are_skipped_and_unknown_versions_are_parked(inventory: Any) -> None:
    source = Source(topic="orders.events", partition=0, offset=0, key=b"o", headers=(("event-type", b"Newer"),))
    assert read_bytes(inventory.service, b"{}", source) is None
    data = encode(seal_in_envelope(created("o1"), id="i", at=AT, cause=None)).replace(b'"1.0"', b'"9.0"')
    given = message(inventory, created("o1"), 0, data=data)
    assert "9.0" in str(given.error)
    wrong_key = Source(topic="orders.events", partition=0, offset=1, key=b"other", headers=())
    data = encode(seal_in_envelope(created("o1"), id="i", at=AT, cause=None))
    assert "key" in str(read_bytes(inventory.service, data, wrong_key).error)  # type: ignore[union-attr]


def test_a_rebuild_finds_no_difference_then_the_planted_one_and_mends_it(inventory: Any) -> None:
    shipped = OrderShipped(order_id="o1", carrier="c", tracking_number="n")
    inventory.take([message(inventory, created("o1", 3), 0), message(inventory, shipped, 1)])
    assert list(Fold(inventory.service, inventory.database).differences()) == []
    inventory.database["stock"].update_one({"_id": "S"}, {"$set": {"available": 99}})
    (difference,) = Fold(inventory.service, inventory.database).differences()
    assert str(difference) == "inventory.stock S: available: 99 should be 7"
    assert repair(inventory.database, difference)
    assert row(inventory) == (7, 7, 0)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b'"quantity":1', b'"quantity":' + b"9" * 30),
        (b'"totalAmount":100', b'"totalAmount":' + b"9" * 18),
        (b'"timestamp":"2', b'"timestamp":"0'),
        (b'Z","correlationId"', b'","correlationId"'),
    ],
)
def test_what_no_database_can_hold_is_parked_alone(inventory: Any, good: bytes, bad: bytes) -> None:
    data = encode(seal_in_envelope(created("o1"), id="i", at=AT, cause=None))
    assert good in data
    outcomes = inventory.take(
        [message(inventory, created("o1"), 0, data=data.replace(good, bad)), message(inventory, created("o2"), 1)]
    )
    assert [outcome.parked for outcome in outcomes] == [True, False]
    assert row(inventory) == (10, 9, 1)
