"""What the pipeline promises, seen from outside: orders over HTTP, facts on Kafka, the audit over everything."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from confluent_kafka import OFFSET_BEGINNING, Producer, TopicPartition
from django.core.management import call_command
from django.db import connections

from ecommerce import kafka
from ecommerce.demo import Placed, Shop
from ecommerce.environment import SERVICES
from ecommerce.registry import engine
from inventory.messages import AdjustStock, PutProduct
from tests import settings
from tests.pipeline import URL
from tests.system.conftest import Pipeline
from tests.system.watching import BODY, audited, ended, place
from tests.waiting import until

DEADLINE_SECONDS = 600  # nothing here waits for it, and on a busy machine a restart takes its time
HAPPY = [
    "OrderCreated",
    "InventoryReserved",
    "PaymentAuthorized",
    "ShipmentCreated",
    "OrderShipped",
    "PaymentCaptured",
    "InventoryCommitted",
    "OrderConfirmed",
    "OrderCompleted",
]


def events_of(order_id: str) -> list[tuple[str, Any, dict[str, bytes]]]:
    """Everything on the four topics that is keyed by the order: (topic, envelope, headers)."""
    topics = [f"{name}.events" for name in SERVICES]
    consumer = kafka.consumer(f"test-{uuid4()}")
    found = []
    places = [TopicPartition(topic, partition, OFFSET_BEGINNING) for topic in topics for partition in range(12)]
    try:
        ends = {(each.topic, each.partition): consumer.get_watermark_offsets(each, timeout=10)[1] for each in places}
        left = {place for place, end in ends.items() if end}
        consumer.assign(places)
        while left:
            message = consumer.poll(10)
            assert message is not None
            assert message.error() is None
            place = (message.topic() or "", message.partition() or 0)
            if message.key() == order_id.encode():
                headers = dict(message.headers() or [])
                found.append((place[0], msgspec.json.decode(message.value() or b""), headers))
            if (message.offset() or 0) + 1 >= ends[place]:
                left.discard(place)
    finally:
        consumer.close()
    return found


def test_300_orders_of_8_clients_all_complete(pipeline: Pipeline) -> None:
    def client(_: int) -> list[Placed]:
        return place(Shop(URL), 38)

    with ThreadPoolExecutor(8) as clients:
        placed = [one for batch in clients.map(client, range(8)) for one in batch]
    ended(pipeline.shop, placed)
    assert Counter(one.status for one in placed) == {"COMPLETED": 304}
    assert "no difference" in audited()


def test_64_buyers_of_10_pieces_get_exactly_10(pipeline: Pipeline) -> None:
    stock = engine("inventory")
    stock.execute(PutProduct(sku="RARE", name="Rare", price=100, currency="USD"), id="put rare")
    stock.execute(AdjustStock(sku="RARE", delta=10, reason="ten", by="test"), id="ten rare")
    prices = connections["orders"].database["products"]
    until("orders to know the price", lambda: prices.count_documents({"_id": "RARE"}) == 1, seconds=90)
    body = BODY | {"items": [{"sku": "RARE", "quantity": 1}]}
    with ThreadPoolExecutor(16) as buyers:
        placed = [one for batch in buyers.map(lambda _: place(Shop(URL), 4, body), range(16)) for one in batch]
    ended(pipeline.shop, placed)
    assert Counter((one.status, one.reason) for one in placed) == {
        ("COMPLETED", None): 10,
        ("CANCELLED", "OUT_OF_STOCK"): 54,
    }
    left = pipeline.shop.call("GET", "stock/RARE", user="staff")
    assert left == {"sku": "RARE", "onHand": 0, "available": 0, "reserved": 0}


def test_every_event_of_a_completed_order_is_on_its_topic_after_its_cause(pipeline: Pipeline) -> None:
    placed = place(pipeline.shop, 1)
    ended(pipeline.shop, placed)
    order_id = placed[0].order_id
    until("all events to be on Kafka", lambda: len(events_of(order_id)) >= 9, seconds=90)
    events = events_of(order_id)
    assert sorted(event["eventType"] for _, event, _ in events) == sorted(HAPPY)
    ids = {event["eventId"]: event for _, event, _ in events}
    topic_of = {kind.__name__: kind.topic for name in settings.SERVED for kind in engine(name).service.publishes}
    for topic, event, headers in events:
        assert topic == topic_of[event["eventType"]]
        assert event["correlationId"] == event["payload"]["orderId"] == order_id
        assert set(event) == {
            "eventId", "eventType", "version", "timestamp", "correlationId", "causationId", "payload"
        }  # fmt: skip
        assert headers["event-type"].decode() == event["eventType"]
        assert headers["event-version"] == b"1.0"
        assert headers["correlation-id"].decode() == order_id
        assert headers["causation-id"].decode() == event["causationId"]
        assert headers["traceparent"].startswith(b"00-" + order_id.replace("-", "").encode())
        cause = ids.get(event["causationId"])
        assert cause is None or cause["timestamp"] <= event["timestamp"]
    timeline = [event["eventType"] for event in pipeline.shop.call("GET", f"orders/{order_id}/timeline")["events"]]
    assert timeline[0] == "OrderCreated"
    assert timeline[-1] == "OrderCompleted"
    assert sorted(timeline) == sorted(HAPPY)


def test_50_equal_posts_make_one_order_and_50_equal_bodies(pipeline: Pipeline) -> None:
    tokens = {"username": "alice", "password": "demo-pass-1"}
    access = httpx.post(f"{URL}/api/v1/auth/token", json=tokens).json()["access"]
    headers = {"Authorization": f"Bearer {access}", "Idempotency-Key": str(uuid4())}

    def post(body: dict[str, Any]) -> httpx.Response:
        return httpx.post(f"{URL}/api/v1/orders", json=body, headers=headers, timeout=60)

    with ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(lambda _: post(BODY), range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert post(BODY | {"paymentMethod": "tok_declined"}).status_code == 422


@pytest.mark.parametrize(
    "name", ["consumer-orders", "consumer-inventory", "consumer-payments", "worker", "worker-payments", "relay", "beat"]
)
def test_a_process_that_is_killed_loses_nothing(pipeline: Pipeline, name: str) -> None:
    placed = place(pipeline.shop, 10)
    pipeline.processes[name].kill()
    placed += place(pipeline.shop, 10)
    pipeline.processes[name].start()
    ended(pipeline.shop, placed)
    assert Counter(one.status for one in placed) == {"COMPLETED": 20}
    assert "0 violations" in audited()


def test_a_message_that_is_no_event_is_set_aside_and_others_go_on(pipeline: Pipeline) -> None:
    key = str(uuid4())
    producer = Producer({"bootstrap.servers": settings.KAFKA_BROKERS, "log_level": 2})
    producer.produce("orders.events", key=key, value=b"\xff poison", headers={"event-type": "OrderCreated"})
    assert producer.flush(10) == 0
    poison = {"value": b"\xff poison", "status": "FAILED"}
    letters = [connections[service].database["dead_letters"] for service in SERVICES]
    until("it to be set aside", lambda: all(each.count_documents(poison) == 1 for each in letters), seconds=90)
    placed = place(pipeline.shop, 3)
    ended(pipeline.shop, placed)
    assert Counter(one.status for one in placed) == {"COMPLETED": 3}
    # Given up, or the audits of the other tests would name it.
    call_command("dlq", "discard", "--key", key, "--reason", "no event", stdout=StringIO())
    assert "0 violations" in audited()
