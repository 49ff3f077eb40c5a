"""What comes over the topics: again, out of order, broken; and what everybody wants at once."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import StringIO
from random import Random

import msgspec
from confluent_kafka import Producer
from django.conf import settings
from django.core.management import call_command

from ecommerce.demo import Placed
from ecommerce.environment import SERVICES
from ecommerce.killpoints import Place
from ecommerce.registry import engine
from inventory.messages import AdjustStock, PutProduct
from tests.chaos.arena import Arena
from tests.chaos.customers import ENDING, Load
from tests.chaos.scenario import Scenario
from tests.topics import Record, records_on
from tests.waiting import until

_TOPICS = [f"{service}.events" for service in SERVICES]
_AGAIN = 300
_AT_THE_COMMIT = (Place.ENGINE_BEFORE_COMMIT, Place.ENGINE_AFTER_COMMIT)
_HOT, _UNITS, _BUYERS = "HOT", 10, 64


def _again(arena: Arena, load: Load, chance: Random) -> str:
    """Everything that lies on the topics of the orders under way, and some of the rest, twice more and shuffled."""
    sent = 0
    for _ in range(3):
        load.wave()
        time.sleep(chance.uniform(0.5, 2))
        ours = {one.order_id for one in (*load.placed, *load.silent)}
        found = [(topic, record) for topic in _TOPICS for record in records_on(topic) if _is_sound(record)]
        old = chance.sample(found, min(_AGAIN, len(found)))
        again = [each for each in found if each[1].key in ours] * 2 + old
        chance.shuffle(again)
        _produce(again)
        sent += len(again)
    return f"{sent} messages again, shuffled"


def _is_sound(record: Record) -> bool:
    """What another scenario has broken would be set aside again."""
    try:
        payload = msgspec.json.decode(record.value)["payload"]
        return record.key in (payload.get("orderId"), payload.get("sku"))
    except (msgspec.DecodeError, UnicodeDecodeError, AttributeError, KeyError, TypeError):
        return False


def _corrupt(arena: Arena, load: Load, chance: Random) -> str:
    """Broken messages under keys of their own, between those of the orders."""
    load.wave()
    until("something to break", lambda: bool(records_on("orders.events")))
    sample = [record for record in records_on("orders.events") if ("event-type", b"OrderCreated") in record.headers]
    broken = list(_broken(chance.choice(sample), chance))
    _produce([("orders.events", record) for record in broken])
    load.wave()
    letters = [(service, engine(service).database["dead_letters"]) for service in SERVICES]
    ours = {"key": {"$in": [record.key for record in broken]}, "status": "FAILED"}

    def set_aside() -> list[str]:
        return [f"{service}:{each['_id']}" for service, found in letters for each in found.find(ours, {"_id": 1})]

    until("all services to set them aside", lambda: len(set_aside()) == len(broken) * len(SERVICES), seconds=90)
    call_command("dlq", "discard", *set_aside(), "--reason", "broken on purpose", stdout=StringIO())
    return f"{len(broken)} broken messages, set aside by each of {len(SERVICES)} services"


def _broken(record: Record, chance: Random) -> Iterator[Record]:
    """A real OrderCreated in every form that nobody can take."""

    def under_new_key(value: bytes, **also: tuple[tuple[str, bytes], ...]) -> Record:
        return record._replace(key=f"broken-{chance.getrandbits(64):x}", value=value, **also)

    envelope = msgspec.json.decode(record.value)
    yield under_new_key(b"")
    yield under_new_key(record.value[: len(record.value) // 2])
    yield under_new_key(bytes(chance.getrandbits(8) for _ in range(200)))
    yield under_new_key(record.value)  # its key is not its order's
    yield under_new_key(b"[]")
    yield under_new_key(msgspec.json.encode(envelope | {"payload": None}))
    yield under_new_key(msgspec.json.encode(envelope | {"version": "9.0"}))


def _produce(records: list[tuple[str, Record]]) -> None:
    producer = Producer({"bootstrap.servers": settings.KAFKA_BROKERS, "log_level": 2})
    for topic, record in records:
        producer.produce(topic, key=record.key, value=record.value, headers=list(record.headers))
    assert producer.flush(30) == 0


def _hot_product(arena: Arena, load: Load, chance: Random) -> str:
    """64 buyers of 10 pieces, while the one that sells them is killed."""
    stock, after = engine("inventory"), chance.randint(1, 2)
    kill_point = f"{chance.choice(_AT_THE_COMMIT)}:inventory:InventoryReserved"
    stock.execute(PutProduct(sku=_HOT, name="Hot", price=100, currency="USD"), id="put hot")
    stock.execute(AdjustStock(sku=_HOT, delta=_UNITS, reason="ten", by="tests"), id="ten hot")
    prices = engine("orders").database["products"]
    until("orders to know the price", lambda: prices.count_documents({"_id": _HOT}) == 1, seconds=90)
    branch = replace(ENDING[0], name="hot product", sku=_HOT, expected=("COMPLETED", "CANCELLED OUT_OF_STOCK"))
    with ThreadPoolExecutor(16) as buyers, arena.armed("consumer-inventory", kill_point, after=after) as fuse:
        bought = [buyers.submit(lambda: next(branch.place(arena.shop))) for _ in range(_BUYERS)]
        load.waves_until("inventory to be killed", fuse.has_gone_off)
        placed: list[Placed] = [each.result() for each in bought]
    load.placed += placed
    sold = {"_id": {"$in": [one.order_id for one in placed]}, "status": "COMPLETED"}
    orders, rows = engine("orders").database["orders"], stock.database["stock"]
    until("all to be sold", lambda: orders.count_documents(sold) == _UNITS, seconds=120)
    row = rows.find_one({"_id": _HOT})
    assert row is not None
    assert (row["on_hand"], row["available"], row["reserved"]) == (0, 0, 0)
    return f"{_BUYERS} buyers of {_UNITS} pieces, inventory killed the {after}. time at {kill_point}"


SCENARIOS = [
    Scenario(name="duplicated and shuffled messages", harm=_again, short=True),
    Scenario(name="corrupt messages", harm=_corrupt, short=True),
    Scenario(name="hot product", harm=_hot_product),
]
