"""The relay when what it relies on becomes another: no topic, a cluster rebuilt, a database put back under a shift."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
from confluent_kafka.admin import NewTopic
from django.core.management import call_command
from pymongo.errors import PyMongoError

from ecommerce import kafka
from ecommerce.relay import DeliveryFailed, Shift
from tests.integration.relaying import Outbox, client, firsts
from tests.integration.restoring import put_back
from tests.servers import Servers
from tests.topics import records_on, topic
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("schema")

SECONDS = 90


@pytest.fixture
def outbox(servers: Servers) -> Iterator[Outbox]:
    with client() as mongo, topic() as name:
        yield Outbox(mongo["relay_one"], name)
        mongo.drop_database("relay_one")


@contextmanager
def shifts(outbox: Outbox) -> Iterator[list[str]]:
    """One shift after the other, as beat starts them; gives what broke them off."""
    enough, broke = Event(), list[str]()

    def work() -> None:
        while not enough.wait(0.2):
            try:
                Shift([outbox.database], stop=enough.is_set).run()
            except (DeliveryFailed, PyMongoError) as error:
                broke.append(repr(error))

    with ThreadPoolExecutor(1) as executor:
        working = executor.submit(work)
        try:
            yield broke
        finally:
            enough.set()
        working.result(60)


def make(name: str) -> None:
    admin = kafka.admin()  # held: the answer dies with its client
    admin.create_topics([NewTopic(name, num_partitions=1)])[name].result(20)


def delivered(outbox: Outbox) -> None:
    until("all to be delivered", lambda: not outbox.left, seconds=SECONDS)


def test_messages_for_a_topic_that_is_not_there_wait_until_it_is(outbox: Outbox) -> None:
    missing = f"{outbox.topic}-missing"
    with shifts(outbox) as broke:
        outbox.commit(("o1", "first"), topic=missing)
        until("a shift to break off", lambda: bool(broke), seconds=SECONDS)
        assert len(outbox.left) == 1
        make(missing)
        delivered(outbox)
    assert "UNKNOWN_TOPIC" in broke[0]
    assert firsts(records_on(missing)) == {"o1": ["first"]}


def test_a_cluster_rebuilt_from_nothing_under_a_shift_gets_what_comes_next(servers: Servers, outbox: Outbox) -> None:
    with shifts(outbox):
        outbox.commit(("o1", "first"))
        delivered(outbox)
        servers.kafka.kill()
        outbox.commit(("o1", "second"), ("o1", "third"))
        shutil.rmtree(servers.kafka.server.data)  # type: ignore[attr-defined]
        servers.kafka.start()
        call_command("create_topics", verbosity=0)
        make(outbox.topic)
        delivered(outbox)
        outbox.commit(("o1", "fourth"))
        delivered(outbox)
    assert firsts(records_on(outbox.topic)) == {"o1": ["second", "third", "fourth"]}


def test_a_database_put_back_under_a_shift_has_its_outbox_sent_again(
    servers: Servers, outbox: Outbox, tmp_path: Path
) -> None:
    outbox.commit(("o1", "in the backup"))
    with put_back(servers.mongo, tmp_path / "mongo") as restore, shifts(outbox):
        delivered(outbox)
        for number in range(20):
            outbox.commit(("o2", f"forgotten {number}"))
        delivered(outbox)
        restore()
        delivered(outbox)
        outbox.commit(("o1", "next"))
        delivered(outbox)
    assert firsts(records_on(outbox.topic))["o1"] == ["in the backup", "next"]
    assert [each.value for each in records_on(outbox.topic)].count(b"in the backup") == 2
