"""Erasing a customer while the whole pipeline runs: nothing of them is readable anywhere, and everything goes on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import bson
import httpx
import redis
from confluent_kafka import Producer
from django.core.management import call_command
from django.db import connections

from ecommerce.demo import PASSWORD, Placed
from ecommerce.environment import SERVICES
from ecommerce.platform.models import DataKey, User
from ecommerce.registry import services
from ecommerce.topics import topics_of
from tests import settings as ours
from tests.pipeline import URL
from tests.servers import Servers
from tests.system.conftest import Pipeline
from tests.system.watching import BODY, MANY, audited, ended, place
from tests.topics import records_on
from tests.waiting import until

DEADLINE_SECONDS = 600
NAME, LINE, CITY, CODE, TOKEN = "Zoë Ångström", "17 Nettle Wharf", "Quillmouth", "QM4 7ZZ", "tok_flaky"
ADDRESS = {"name": NAME, "line1": LINE, "city": CITY, "postalCode": CODE, "country": "GB"}
ORDER = BODY | {"shippingAddress": ADDRESS, "paymentMethod": TOKEN}
SOUGHT = [NAME, LINE, CITY, CODE, TOKEN, "zoe-of-quillmouth", "Nettle", "ngstr"]


def everywhere(servers: Servers, folder: Path) -> Iterator[tuple[str, bytes]]:
    """All that is stored and logged, read anew here: by where it lies."""
    for alias in connections:
        connections[alias].ensure_connection()
        database = connections[alias].database
        for name in database.list_collection_names():
            for document in database[name].find():
                yield f"{alias}.{name}", bson.encode(document)
    for topic in topics_of(services()):
        for record in records_on(topic):
            yield topic, b"|".join([record.key.encode(), record.value, *(value for _, value in record.headers)])
    memory = redis.Redis.from_url(servers.redis.url)
    for key in memory.scan_iter():
        readers: dict[bytes, Any] = {
            b"string": memory.get,
            b"list": lambda key: memory.lrange(key, 0, -1),
            b"set": memory.smembers,
            b"hash": memory.hgetall,
            b"zset": lambda key: memory.zrange(key, 0, -1),
        }
        yield "redis", key + repr(readers[memory.type(key)](key)).encode()
    of_servers = [servers.mongo.log, servers.kafka.log, servers.redis.log]
    for path in [*of_servers, *(each for each in folder.rglob("*") if each.is_file())]:
        yield str(path), path.read_bytes()


def found(servers: Servers, folder: Path) -> set[tuple[str, str]]:
    """Where something of the customer can be read, as it is or as JSON escapes it."""
    hits = set()
    for where, data in everywhere(servers, folder):
        for text in SOUGHT:
            if text.encode() in data or json.dumps(text)[1:-1].encode() in data:
                hits.add((where, text))
    return hits


def test_after_an_erasure_nothing_of_the_customer_is_readable_anywhere_and_the_pipeline_goes_on(
    pipeline: Pipeline, servers: Servers, settings: Any
) -> None:
    folder = pipeline.processes["web"].log.parent
    settings.LOG_FOLDER = folder
    settings.SANDBOX_LEDGERS = [folder / "gateway.db", folder / "carrier.db"]
    api = httpx.Client(base_url=f"{URL}/api/v1", timeout=60)
    account = {"username": "zoe-of-quillmouth", "password": PASSWORD}
    assert api.post("/auth/register", json=account).status_code == 201
    zoe = {"Authorization": f"Bearer {api.post('/auth/token', json=account).json()['access']}"}

    def order() -> Placed:
        answer = api.post("/orders", json=ORDER, headers=zoe)
        assert answer.status_code == 201
        return Placed(MANY, answer.json()["orderId"])

    completed = order()
    ended(pipeline.shop, [completed])
    assert completed.status == "COMPLETED"
    cancelled = order()
    said = {"reason": f"{NAME} has moved away from {LINE}"}
    assert api.post(f"/orders/{cancelled.order_id}/cancel", json=said, headers=zoe).status_code in (202, 409)
    ended(pipeline.shop, [cancelled])
    _spoil(completed.order_id)
    pipeline.processes["worker-payments"].stop()
    in_flight = order()
    payments = connections["payments"].database["payments"]
    asked = {"_id": in_flight.order_id, "pending": "AUTHORIZE"}
    until("the card to be asked for", lambda: payments.count_documents(asked) == 1, seconds=90)

    customer = User.objects.get(username="zoe-of-quillmouth").pk
    call_command("erase_customer", "zoe-of-quillmouth", "--yes", "--no-wait")

    pipeline.processes["worker-payments"].launch()
    ended(pipeline.shop, [in_flight])
    assert (in_flight.status, in_flight.reason) == ("CANCELLED", "PAYMENT_FAILED")
    failed = connections["payments"].database["payments"].find_one({"_id": in_flight.order_id})
    assert failed is not None
    assert failed["failure"] == "ERASED"
    others = place(pipeline.shop, 3)
    ended(pipeline.shop, others)
    assert {one.status for one in others} == {"COMPLETED"}
    assert {key.wrapped for key in DataKey.objects.filter(customer_id=customer)} == {None}
    assert found(servers, folder) == set()
    call_command("dlq", "discard", "--error", "9.0", "--reason", "of no version that there is")
    assert "no difference" in audited()


def _spoil(order_id: str) -> None:
    """Puts the order's OrderCreated on its topic once more, in a version that nobody takes: four dead letters."""
    data = next(each.value for each in records_on("orders.events") if each.key == order_id)
    assert b"sealed" in data
    producer = Producer({"bootstrap.servers": ours.KAFKA_BROKERS, "log_level": 2})
    spoilt = data.replace(b'"version":"1.0"', b'"version":"9.0"')
    producer.produce("orders.events", key=str(uuid4()), value=spoilt, headers={"event-type": "OrderCreated"})
    assert producer.flush(30) == 0
    for service in SERVICES:
        letters = connections[service].database["dead_letters"]
        until("it to be set aside", lambda each=letters: each.count_documents({"value": spoilt}) == 1, seconds=90)
