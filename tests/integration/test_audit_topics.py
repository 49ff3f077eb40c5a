"""The audit of what is between the services: each violation is planted, seen by its name, and repaired."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message, Producer
from django.conf import settings
from django.core.management import call_command
from msgspec.structs import replace

from ecommerce import identity, outbox
from ecommerce.audit import run
from ecommerce.audit.names import Name
from ecommerce.audit.places import Places
from ecommerce.audit.stories import Stories
from ecommerce.environment import SERVICES
from ecommerce.messages import decode, encode
from tests.integration.planting import PLANTED, Backup, Plant, audit, audited, plants
from tests.integration.saga import Saga, make_old
from tests.topics import make_topics_anew

pytestmark = pytest.mark.usefixtures("databases")

ALONE = ("--no-gateway",)
ORDER = "order-1"


class SagaOnKafka(Saga):
    """Its messages lie on real topics, all in partition 0."""

    def __init__(self) -> None:
        super().__init__()
        self._producer = Producer({"bootstrap.servers": settings.KAFKA_BROKERS, "log_level": 2})
        self.lost: set[str] = set()  # types of events that never get to their topic
        self.cut: set[str] = set()  # types of events that are cut short on their way
        self.skipped: set[str] = set()  # types of events that consumers pass over
        self.ago = timedelta()  # how long ago it says to have produced its messages

    def deliver(self) -> int:
        messages = [message for name in SERVICES for message in self._take_outbox(self.engines[name].database)]
        for message in messages:
            type = dict(message["headers"])["event-type"].decode()
            if type in self.lost:
                continue
            if type in self.cut:
                message["value"] = message["value"][:100]
            offset = self.produce(message)
            if type not in self.skipped:
                self.hand_over(message, partition=0, offset=offset)
        return len(messages)

    def produce(self, message: dict[str, Any]) -> int:
        """Puts a message on its topic. Gives its offset."""
        offsets: list[int] = []

        def done(error: Any, produced: Message) -> None:
            assert error is None, error
            offsets.append(produced.offset() or 0)

        headers = [(name, value) for name, value in message["headers"]]
        self._producer.produce(
            message["topic"],
            key=message["key"],
            value=message["value"],
            headers=headers,
            partition=0,
            timestamp=identity.milliseconds(identity.now() - self.ago),
            on_delivery=done,
        )
        assert self._producer.flush(30) == 0
        return offsets[0]


@pytest.fixture
def saga(databases: None) -> Saga:
    make_topics_anew()
    saga = SagaOnKafka()
    saga.stock()
    return saga


@plants(Name.LOST)
def a_topic_that_was_lost(saga: Saga) -> None:
    saga.place(ORDER)
    saga.settle()
    make_topics_anew()


@plants(Name.LOST)
def an_event_that_never_left(saga: Saga) -> None:
    assert isinstance(saga, SagaOnKafka)
    saga.lost = {"OrderShipped"}
    saga.place(ORDER)
    saga.settle()


@plants(Name.PASSED_OVER)
def a_message_that_a_consumer_skipped(saga: Saga) -> None:
    assert isinstance(saga, SagaOnKafka)
    saga.skipped = {"ShipmentCreated"}
    saga.place(ORDER)
    saga.settle()


@plants(Name.ALTERED)
def another_message_under_the_same_id(saga: Saga) -> None:
    assert isinstance(saga, SagaOnKafka)
    saga.lost = {"OrderCompleted"}
    saga.place(ORDER)
    saga.settle()
    entry = saga.entry("orders", ORDER, "OrderCompleted")
    headers = [("event-type", b"OrderCompleted")]
    data = entry["data"].replace(b'"version":"1.0"', b'"version":"1.1"')
    saga.produce({"topic": "orders.events", "key": ORDER, "value": data, "headers": headers})


@plants(Name.DISORDER)
def events_that_overtook_each_other(saga: Saga) -> None:
    assert isinstance(saga, SagaOnKafka)
    saga.lost = {"OrderConfirmed", "OrderCompleted"}
    saga.place(ORDER)
    saga.settle()
    for type in ("OrderCompleted", "OrderConfirmed"):
        entry = saga.entry("orders", ORDER, type)
        headers = [("event-type", type.encode())]
        saga.produce({"topic": "orders.events", "key": ORDER, "value": entry["data"], "headers": headers})


@plants(Name.OUTBOX)
def an_outbox_that_nobody_empties(saga: Saga) -> None:
    message = {"topic": "orders.events", "key": "x", "headers": [], "value": b"{}"}
    old = identity.milliseconds(identity.now()) - 3_600_000
    saga.engines["orders"].database[outbox.COLLECTION].insert_one(outbox.document(old, [message]))


def test_what_a_restored_service_makes_again_by_another_cause_has_overtaken_nothing(saga: Saga) -> None:
    """In its second life it heard of the payment first: OrderConfirmed has another id then, OrderCompleted the same."""
    assert isinstance(saga, SagaOnKafka)
    saga.place(ORDER)
    saga.settle()
    events, later = saga.engines["orders"].database["events"], identity.now() + timedelta(seconds=1)

    def made_again(type: str, id: str) -> dict[str, Any]:
        entry = saga.entry("orders", ORDER, type)
        envelope = decode(entry["data"], saga.engines["orders"].service.kinds[type])
        again = replace(envelope, event_id=id or envelope.event_id, timestamp=later)
        events.delete_one({"_id": entry["_id"]})
        told = {"_id": f"{ORDER}:{again.event_id}", "at": later, "taken_at": later, "data": encode(again)}
        events.insert_one(entry | told)
        headers = [("event-type", type.encode())]
        return {"topic": "orders.events", "key": ORDER, "value": told["data"], "headers": headers}

    for message in (made_again("OrderConfirmed", identity.new_id()), made_again("OrderCompleted", "")):
        saga.produce(message)
    assert audited(*ALONE).document["violations"] == []


HERE = [(name, plant) for name, each in PLANTED.items() for plant in each if plant.__module__ == __name__]


@pytest.mark.parametrize(("name", "plant"), HERE, ids=lambda each: getattr(each, "__name__", str(each)))
def test_a_planted_violation_is_named_with_its_repair_and_repaired(saga: Saga, name: Name, plant: Plant) -> None:
    assert audited(*ALONE).document["violations"] == []
    backup = Backup(saga)
    plant(saga)
    said = audited(*ALONE)
    assert name in said.names, said.text
    assert said.status == 1
    assert all(command.startswith("manage.py ") for command in said.commands(name))
    if said.is_safe(name):
        audit(*ALONE, "--repair")
        assert isinstance(saga, SagaOnKafka)
        saga.lost, saga.skipped = set(), set()
        saga.settle()
    else:
        backup.put_back()
        make_topics_anew()
    assert audited(*ALONE).document["violations"] == []


def test_an_event_that_was_cut_short_on_its_topic_and_mended_in_the_dead_letters_is_not_lost(
    saga: Saga, tmp_path: Path
) -> None:
    assert isinstance(saga, SagaOnKafka)
    saga.cut = {"OrderCreated"}
    saga.place(ORDER)
    saga.settle()
    assert set(audited(*ALONE).names) == {Name.HELD, Name.LOST}
    whole = tmp_path / "whole.json"
    whole.write_bytes(saga.entry("orders", ORDER, "OrderCreated")["data"])
    for service in SERVICES:
        letter = saga.engines[service].database["dead_letters"].find_one({"key": ORDER})
        assert letter is not None
        call_command("dlq", "edit", f"{service}:{letter['_id']}", "--file", str(whole), "--reason", "cut short")
    call_command("dlq", "replay", "--key", ORDER)
    saga.settle()
    said = audited(*ALONE)
    assert said.names == []
    assert (said.document["orders"], said.document["ended"]) == (1, 1)


def test_an_event_that_lies_under_another_orders_key_too_lies_where_its_own_is(saga: Saga) -> None:
    assert isinstance(saga, SagaOnKafka)
    saga.place(ORDER)
    created = next(iter(saga.engines["orders"].database[outbox.COLLECTION].find()))["messages"][0]
    offset = saga.produce(created | {"key": "order-2"})
    saga.settle()
    places = Places(saga.engines)
    places.look()
    [story] = Stories(saga.engines).of([ORDER])
    entry = next(each for _, each in story.public() if each.type == "OrderCreated")
    assert places.of("orders.events", entry).offset > offset


def test_since_compares_what_has_come_onto_the_topics_since(saga: Saga) -> None:
    assert isinstance(saga, SagaOnKafka)
    saga.ago = timedelta(hours=2)
    saga.place("order-1")
    saga.settle()
    make_old(saga)
    whole = audited(*ALONE).document["topics"]
    saga.ago = timedelta()
    saga.lost = {"OrderShipped"}
    saga.place("order-2")
    saga.settle()
    said = audited(*ALONE, "--since", "1h")
    assert said.names == [Name.LOST]
    assert said.document["orders"] == 1
    assert int(said.document["topics"].split()[0]) < int(whole.split()[0])


def test_the_more_look_wrong_the_more_are_looked_at_again_together(saga: Saga, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(saga, SagaOnKafka)
    monkeypatch.setattr(run, "_FEWEST_AT_ONCE", 1)
    monkeypatch.setattr(run, "_MOST_AT_ONCE", 4)
    looks: list[None] = []
    look = Places._read_outboxes
    monkeypatch.setattr(Places, "_read_outboxes", lambda places: (looks.append(None), look(places)))
    saga.lost = {"OrderShipped"}
    for number in range(11):
        saga.place(f"order-{number}")
    saga.settle()
    said = audited(*ALONE)
    assert said.names == [Name.LOST] * 11
    assert len(looks) == 1 + 4  # at first, then at 1, 2, 4 and 4 of them
