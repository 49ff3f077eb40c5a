"""Aggregates made again from their logs, while the pipeline works on."""

import pytest

from ecommerce.rebuild import Difference, Fold, repair
from tests.integration.planting import typed
from tests.integration.saga import Saga

pytestmark = pytest.mark.usefixtures("databases")


@pytest.fixture
def saga(databases: None) -> Saga:
    saga = Saga()
    saga.stock()
    return saga


def differences(saga: Saga, service: str) -> list[Difference]:
    engine = saga.engines[service]
    return list(Fold(engine.service, engine.database).differences())


def test_a_row_that_a_reservation_has_changed_since_is_left_alone(saga: Saga) -> None:
    stock = saga.engines["inventory"].database["stock"]
    stock.update_one({"_id": "CUP"}, {"$set": {"available": 50}})
    (difference,) = differences(saga, "inventory")
    saga.place("order-1", quantity=2)
    saga.settle()
    assert not repair(saga.engines["inventory"].database, difference)
    (difference,) = differences(saga, "inventory")
    assert repair(saga.engines["inventory"].database, difference)
    row = stock.find_one({"_id": "CUP"})
    assert (row["on_hand"], row["available"], row["reserved"], row["shipped"]) == (98, 98, 0, 2)


def test_an_aggregate_that_is_made_again_takes_messages_again(saga: Saga) -> None:
    saga.place("order-1")
    before = saga.aggregates("orders").find_one({"_id": "order-1"})
    saga.aggregates("orders").delete_one({"_id": "order-1"})
    (difference,) = differences(saga, "orders")
    assert str(difference) == "orders.orders order-1: is missing"
    assert repair(saga.engines["orders"].database, difference)
    after = saga.aggregates("orders").find_one({"_id": "order-1"})
    assert (after["created_at"], after["v"]) == (before["created_at"], before["v"])
    saga.settle()
    assert saga.aggregates("orders").find_one({"_id": "order-1"})["status"] == "COMPLETED"


def test_one_aggregate_is_compared_and_stored_by_its_key(saga: Saga) -> None:
    saga.place("order-1")
    saga.place("order-10")
    saga.settle()
    saga.aggregates("payments").update_many({}, {"$set": {"status": "PENDING"}})
    command = "manage.py rebuild --service payments --key order-1"
    said = typed(command)
    assert (said.status, "status: 'PENDING' should be 'CAPTURED'" in said.text) == (1, True)
    assert typed(f"{command} --write").status == 0
    statuses = {each["_id"]: each["status"] for each in saga.aggregates("payments").find()}
    assert statuses == {"order-1": "CAPTURED", "order-10": "PENDING"}
    assert typed(command).text == "no difference\n"


def test_an_aggregate_without_a_log_goes_when_it_is_told_to(saga: Saga) -> None:
    saga.place("order-1")
    saga.settle()
    model = saga.aggregates("shipping").find_one({"_id": "order-1"})
    saga.aggregates("shipping").insert_one(model | {"_id": "order-2"})
    command = "manage.py rebuild --service shipping --key order-2"
    assert "shipping.shipments order-2: has no log" in typed(command).text
    assert typed(f"{command} --write").status == 0
    assert [each["_id"] for each in saga.aggregates("shipping").find()] == ["order-1"]
