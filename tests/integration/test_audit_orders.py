"""The audit of what is stored: each violation is planted, seen by its name, and repaired."""

from typing import Any

import pytest

from ecommerce import storage
from ecommerce.audit.names import Name
from ecommerce.deadletters import letters
from ecommerce.inputs import Source
from ecommerce.reading import read_bytes
from tests.integration.planting import PLANTED, Backup, Plant, audit, audited, plants
from tests.integration.saga import Saga

pytestmark = pytest.mark.usefixtures("databases")

# One's id is the beginning of another's: they must not be taken for each other.
COMPLETED, REFUNDED, CANCELLED, DECLINED, RETURNED, SOLD_OUT = (f"order-{n}" for n in (1, 10, 2, 20, 3, 4))
ALONE = ("--no-gateway", "--no-topics")


@pytest.fixture(scope="module")
def played(module_databases: None) -> tuple[Saga, Backup]:
    saga = Saga()
    saga.stock()
    saga.stock("RARE", 1)
    saga.declined, saga.refused = {DECLINED}, {RETURNED}
    for order in (COMPLETED, CANCELLED, DECLINED, RETURNED):
        saga.place(order)
    saga.place(SOLD_OUT, sku="RARE")
    saga.cancel(CANCELLED)
    saga.settle()
    return saga, Backup(saga)


@pytest.fixture
def saga(databases: None, played: tuple[Saga, Backup]) -> Saga:
    """Played once for all tests: that takes seconds."""
    saga, backup = played
    backup.put_back()
    return saga.twin()


def forget(saga: Saga, order: str, *types: str) -> None:
    """As if these had never been: in no log, with no gap; and the aggregates know nothing of it."""
    for service in saga.engines:
        saga.log(service).delete_many({"_id": {"$regex": f"^{order}:"}, "type": {"$in": types}})
        renumber(saga, service, order)


def invent(saga: Saga, service: str, order: str, type: str, of: str) -> None:
    """An event that looks like the one of the type `of`, but has another type, taken by all who take it."""
    model = saga.entry(service, order, of)
    id = f"{type}-{order}"
    for name in saga.engines:
        log = storage.history(saga.engines[name].database, order)
        takes = type in {kind.__name__ for kind in saga.engines[name].service.taker}
        if name == service or takes:
            entry = model | {"_id": f"{order}:{id}", "type": type, "own": name == service, "v": len(log) + 1}
            saga.log(name).insert_one(entry)


def renumber(saga: Saga, service: str, order: str) -> None:
    for version, entry in enumerate(storage.history(saga.engines[service].database, order), start=1):
        saga.log(service).update_one({"_id": entry["_id"]}, {"$set": {"v": version}})


# Histories


@plants(Name.GAPS)
def a_gap(saga: Saga) -> None:
    saga.log("payments").update_one({"_id": {"$regex": f"^{COMPLETED}:"}, "v": 3}, {"$set": {"v": 99}})


@plants(Name.UNREADABLE)
def bytes_that_are_no_event(saga: Saga) -> None:
    saga.log("orders").update_one({"_id": {"$regex": f"^{COMPLETED}:"}, "v": 3}, {"$set": {"data": b"\xff"}})


@plants(Name.TWICE)
def a_second_capture(saga: Saga) -> None:
    invent(saga, "payments", COMPLETED, "PaymentCaptured", of="PaymentCaptured")


@plants(Name.OTHER_BYTES)
def another_amount_in_the_takers_log(saga: Saga) -> None:
    entry = saga.entry("shipping", COMPLETED, "PaymentAuthorized")
    data = entry["data"].replace(b'"amount":200', b'"amount":201')
    assert data != entry["data"]
    saga.log("shipping").update_one({"_id": entry["_id"]}, {"$set": {"data": data}})


@plants(Name.MADE_BY_NOBODY)
def an_event_that_its_maker_does_not_have(saga: Saga) -> None:
    entry = saga.entry("payments", COMPLETED, "PaymentAuthorized")
    saga.log("payments").delete_one({"_id": entry["_id"]})


# How orders ended


@plants(Name.STUCK)
def an_order_that_nobody_hears_of(saga: Saga) -> None:
    saga.place("order-5")


@plants(Name.COMPLETED_UNRESERVED)
def no_reservation(saga: Saga) -> None:
    forget(saga, COMPLETED, "InventoryReserved")


@plants(Name.COMPLETED_UNAUTHORISED, Name.SHIPPED_UNPAID)
def no_authorisation(saga: Saga) -> None:
    forget(saga, COMPLETED, "PaymentAuthorized")


@plants(Name.COMPLETED_UNSHIPPED)
def no_shipment(saga: Saga) -> None:
    forget(saga, COMPLETED, "OrderShipped")


@plants(Name.COMPLETED_UNPAID)
def no_capture(saga: Saga) -> None:
    forget(saga, COMPLETED, "PaymentCaptured")


@plants(Name.COMPLETED_UNCOMMITTED)
def no_commitment(saga: Saga) -> None:
    forget(saga, COMPLETED, "InventoryCommitted")


@plants(Name.COMPLETED_AND_CANCELLED, Name.SHIPPED_AND_CANCELLED, Name.INVENTORY_ANSWERS, Name.PAYMENTS_ANSWERS)
def both_ends(saga: Saga) -> None:
    invent(saga, "orders", COMPLETED, "OrderCancelled", of="OrderCompleted")


@plants(Name.COMPLETED_AND_VOIDED)
def voided_after_the_end(saga: Saga) -> None:
    invent(saga, "payments", COMPLETED, "PaymentVoided", of="PaymentCaptured")


@plants(Name.COMPLETED_AND_RELEASED)
def released_after_the_end(saga: Saga) -> None:
    invent(saga, "inventory", COMPLETED, "InventoryReleased", of="InventoryCommitted")


@plants(Name.COMPLETED_AND_STOPPED, Name.VERDICTS)
def two_verdicts(saga: Saga) -> None:
    invent(saga, "shipping", COMPLETED, "ShippingFailed", of="OrderShipped")


@plants(Name.NOT_VOIDED)
def nothing_voided(saga: Saga) -> None:
    forget(saga, RETURNED, "PaymentVoided")


@plants(Name.NOT_REFUNDED)
def captured_after_all(saga: Saga) -> None:
    invent(saga, "payments", RETURNED, "PaymentCaptured", of="PaymentVoided")


@plants(Name.NOT_RELEASED)
def nothing_released(saga: Saga) -> None:
    forget(saga, RETURNED, "InventoryReleased")


# Aggregates


@plants(Name.DIFFERS, Name.STATUSES)
def another_status(saga: Saga) -> None:
    saga.aggregates("payments").update_one({"_id": COMPLETED}, {"$set": {"status": "AUTHORIZED"}})


@plants(Name.DIFFERS)
def an_aggregate_gone(saga: Saga) -> None:
    saga.aggregates("shipping").delete_one({"_id": COMPLETED})


@plants(Name.AMOUNTS)
def another_amount(saga: Saga) -> None:
    saga.aggregates("payments").update_one({"_id": COMPLETED}, {"$set": {"amount": 1}})


@plants(Name.GOODS)
def other_goods(saga: Saga) -> None:
    where = {"_id": COMPLETED}
    saga.aggregates("orders").update_one(where, {"$set": {"items.0.quantity": 3}})


@plants(Name.WITHOUT_LOG)
def an_order_out_of_nothing(saga: Saga) -> None:
    model = saga.aggregates("shipping").find_one({"_id": COMPLETED})
    saga.aggregates("shipping").insert_one(model | {"_id": "order-6"})


# Dead letters


def parked(saga: Saga) -> Any:
    """A message of an order that shipping cannot read."""
    shipping, entry = saga.engines["shipping"], saga.entry("orders", CANCELLED, "OrderCancelled")
    source = Source(topic="orders.events", partition=0, offset=999, key=CANCELLED.encode(), headers=())
    data = entry["data"].replace(b'"version":"1.0"', b'"version":"9.0"')
    (outcome,) = shipping.take([read_bytes(shipping.service, data, source)])  # type: ignore[list-item]
    assert outcome.parked
    return shipping.database[letters.COLLECTION]


@plants(Name.HELD)
def a_message_that_cannot_be_read(saga: Saga) -> None:
    parked(saga)


@plants(Name.HELD_BY_NOTHING)
def letters_gone(saga: Saga) -> None:
    parked(saga).delete_many({})


@plants(Name.HOLDS_NOTHING)
def the_order_goes_on(saga: Saga) -> None:
    parked(saga)
    saga.aggregates("shipping").update_one({"_id": CANCELLED}, {"$set": {"parked": 0}})


@plants(Name.KEYLESS)
def a_message_without_a_key(saga: Saga) -> None:
    inventory = saga.engines["inventory"]
    source = Source(topic="orders.events", partition=0, offset=998, key=None, headers=())
    inventory.take([read_bytes(inventory.service, b"\xff", source)])  # type: ignore[list-item]


# Stock


def row(saga: Saga, **values: Any) -> None:
    saga.engines["inventory"].database["stock"].update_one({"_id": "CUP"}, {"$set": values})


@plants(Name.STOCK_NEGATIVE)
def below_zero(saga: Saga) -> None:
    row(saga, available=-1)


@plants(Name.STOCK_ON_HAND)
def pieces_from_nowhere(saga: Saga) -> None:
    row(saga, on_hand=1000)


@plants(Name.STOCK_SUM)
def pieces_that_nobody_has(saga: Saga) -> None:
    row(saga, available=7)


@plants(Name.STOCK_RESERVED)
def pieces_held_for_nobody(saga: Saga) -> None:
    row(saga, reserved=1)


@plants(Name.STOCK_SHIPPED)
def pieces_shipped_to_nobody(saga: Saga) -> None:
    row(saga, shipped=9)


@plants(Name.STOCK_LOG)
def another_price(saga: Saga) -> None:
    row(saga, price=1)


@plants(Name.STOCK_LOG)
def a_product_gone(saga: Saga) -> None:
    saga.engines["orders"].database["products"].delete_one({"_id": "CUP"})


HERE = [(name, plant) for name, each in PLANTED.items() for plant in each if plant.__module__ == __name__]


@pytest.mark.parametrize(("name", "plant"), HERE, ids=lambda each: getattr(each, "__name__", str(each)))
def test_a_planted_violation_is_named_with_its_repair_and_repaired(saga: Saga, name: Name, plant: Plant) -> None:
    arguments = (*ALONE, "--stuck-after", "0") if name is Name.STUCK else ALONE
    assert audited(*arguments).document["violations"] == []
    backup = Backup(saga)
    plant(saga)
    said = audited(*arguments)
    assert name in said.names, said.text
    assert said.status == 1
    assert all(command.startswith("manage.py ") for command in said.commands(name))
    if said.is_safe(name):
        assert audit(*arguments, "--repair").status == 0
    else:
        backup.put_back()
    assert audited(*arguments).document["violations"] == []
