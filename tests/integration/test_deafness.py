"""A consumer that hears nothing any more, though its library believes that all is well."""

from collections.abc import Iterator
from copy import copy
from itertools import chain, count, repeat

import pytest
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from ecommerce import deafness, kafka
from ecommerce.deafness import Deafness
from ecommerce.registry import engine
from tests.integration.consuming import Topic, consuming, created, taken
from tests.servers import Servers
from tests.topics import make_topics_anew
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("databases", "hurried")
TOPIC = "orders.events"


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deafness, "LONGEST_SILENCE", 0.5)
    monkeypatch.setattr(deafness, "_LOOK_EVERY", 0.1)


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    made = kafka.consumer("a-group")
    yield made
    made.close()


def answers() -> bool:
    """Whether Kafka does."""
    try:
        kafka.admin().look(timeout=0.5)
    except KafkaException:
        return False
    return True


def is_certain(consumer: Consumer, read_up_to: dict[tuple[str, int], int], *, looks: int = 3) -> bool:
    """After so many looks at the ends of the topics."""
    looked: list[bool] = []

    def look() -> dict[tuple[str, int], int]:
        looked.append(True)
        return read_up_to

    deaf = Deafness([TOPIC], look)
    found = False

    def is_over() -> bool:
        nonlocal found
        found = found or deaf.is_certain(consumer)
        return found or len(looked) >= looks

    until("it to look often enough", is_over)
    return found


def test_who_reads_nothing_of_what_there_is_is_deaf(consumer: Consumer) -> None:
    make_topics_anew()
    Topic().put(created("o1"))
    assert is_certain(consumer, {})


def test_who_has_read_all_is_not(consumer: Consumer) -> None:
    make_topics_anew()
    Topic().put(created("o1"), created("o2"))
    assert not is_certain(consumer, {(TOPIC, 0): 2})


def test_who_hears_something_is_not(consumer: Consumer) -> None:
    make_topics_anew()
    Topic().put(created("o1"))
    looks: list[bool] = []

    def look() -> dict[tuple[str, int], int]:
        looks.append(True)
        return {}

    deaf = Deafness([TOPIC], look)
    until("a first look", lambda: deaf.is_certain(consumer) or looks)
    deaf.heard()
    certain: list[bool] = []
    until("a second look", lambda: certain.append(deaf.is_certain(consumer)) or len(looks) == 2)
    assert not any(certain)
    until("to be certain", lambda: deaf.is_certain(consumer))


def test_while_somebody_reads_on_nobody_is(consumer: Consumer) -> None:
    make_topics_anew()
    Topic().put(*(created(f"o{number}") for number in range(20)))
    looks = count()
    deaf, found = Deafness([TOPIC], lambda: {(TOPIC, 0): next(looks)}), []
    until("five looks", lambda: found.append(deaf.is_certain(consumer)) or next(copy(looks)) == 5)
    assert not any(found)


def test_who_hears_nothing_of_one_of_its_partitions_is_deaf_though_it_hears_of_others(
    consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deafness, "_LOOK_AROUND_EVERY", 0.05)
    make_topics_anew()
    Topic().put(*(created(f"o{number}") for number in range(100)))
    Topic(partition=1).put(created("o"))
    consumer.assign([TopicPartition(TOPIC, 0), TopicPartition(TOPIC, 1)])
    looks, read = count(), {(TOPIC, 1): 1}
    deaf = Deafness([TOPIC], lambda: {(TOPIC, 0): next(looks), **read})

    def hears_and_is_certain() -> bool:
        deaf.heard()
        return deaf.is_certain(consumer)

    found: list[bool] = []
    until("fifteen looks", lambda: found.append(hears_and_is_certain()) or next(copy(looks)) >= 15)
    assert not any(found)
    read.clear()
    until("to be certain", hears_and_is_certain)


def test_an_outage_of_kafka_is_no_deafness(
    consumer: Consumer, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deafness, "_LOOK_AROUND_EVERY", 0.0)
    monkeypatch.setattr(deafness, "MOST_LOOKS", 1)
    monkeypatch.setattr(deafness, "LONGEST_SILENCE", 3600.0)
    monkeypatch.setattr(deafness, "_PATIENCE", 0.2)
    make_topics_anew()
    Topic().put(created("o"))
    consumer.assign([TopicPartition(TOPIC, 0)])
    deaf = Deafness([TOPIC], dict)
    assert not deaf.is_certain(consumer)
    servers.kafka.pause()
    try:
        until("Kafka to be gone", lambda: not answers())
        assert not deaf.is_certain(consumer)
    finally:
        servers.kafka.resume()
    looks = [deaf.is_certain(consumer)]
    until("to be certain", lambda: looks.append(deaf.is_certain(consumer)) or looks[-1])
    assert looks[0] is False


class Deaf(Consumer):
    """It gives nothing of what it gets."""

    def poll(self, timeout: float = -1) -> None:  # type: ignore[override]
        super().poll(timeout)


def test_it_joins_anew_and_goes_on(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    make_topics_anew()
    shipping = engine("shipping")
    classes = chain([Deaf], repeat(Consumer))
    monkeypatch.setattr(kafka, "Consumer", lambda conf: next(classes)(conf))
    Topic().put(created("o1"))
    with consuming(shipping) as (_, outcome):
        until("the message to be taken", lambda: taken(shipping) == ["o1"])
        assert not outcome.done()
    assert "joining anew" in caplog.text


class DeafOfOne(Consumer):
    """It never gets anything of one partition: its library has forgotten to go on with it."""

    def poll(self, timeout: float = -1) -> Message | None:
        message = super().poll(timeout)
        if self.assignment():
            self.pause([TopicPartition(TOPIC, 1)])
        return message


def test_who_is_deaf_of_one_partition_joins_anew_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(deafness, "LONGEST_SILENCE", 3600.0)
    monkeypatch.setattr(deafness, "_LOOK_AROUND_EVERY", 0.1)
    make_topics_anew()
    shipping = engine("shipping")
    classes = chain([DeafOfOne], repeat(Consumer))
    monkeypatch.setattr(kafka, "Consumer", lambda conf: next(classes)(conf))
    with consuming(shipping) as (_, outcome):
        Topic().put(created("o1"))
        until("what it hears to be taken", lambda: taken(shipping) == ["o1"])
        Topic(partition=1).put(created("o2"))
        until("what it did not hear to be taken", lambda: sorted(taken(shipping)) == ["o1", "o2"])
        assert not outcome.done()
    assert "joining anew" in caplog.text
