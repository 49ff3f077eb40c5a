"""A consumer that its group no longer knows, though it does not notice by itself."""

from typing import Any

import pytest
from confluent_kafka import Consumer

from ecommerce import kafka, membership
from ecommerce.membership import Membership
from ecommerce.registry import engine
from tests.integration.consuming import Topic, consuming, created, taken
from tests.topics import make_topics_anew
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("databases")


class Forgotten:
    """Stands for a consumer whom the group has forgotten: its member id is nobody's."""

    def memberid(self) -> str:
        return "nobody"


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "_LOOK_EVERY", 0.05)
    monkeypatch.setattr(membership, "LONGEST_ABSENCE", 0.5)


def test_the_group_knows_its_members_and_nobody_else(databases: None, hurried: None) -> None:
    make_topics_anew()
    consumer = kafka.consumer("a-group")
    consumer.subscribe(["orders.events"])
    until("it to join", lambda: consumer.poll(0.1) is not None or bool(consumer.assignment()))
    one, other = Membership("a-group"), Membership("a-group")

    def is_missed() -> bool:
        consumer.poll(0)
        assert not one.lost(consumer)
        return other.lost(Forgotten())  # type: ignore[arg-type]

    until("the other to be missed", is_missed)
    consumer.close()


def test_a_consumer_that_is_forgotten_joins_anew_and_goes_on(
    databases: None, hurried: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_topics_anew()
    shipping, forgotten = engine("shipping"), [True]
    lost = Membership.lost

    def is_lost(self: Membership, consumer: Consumer) -> bool:
        found: Any = Forgotten() if forgotten else consumer
        if lost(self, found):
            forgotten.clear()
            return True
        return False

    monkeypatch.setattr(Membership, "lost", is_lost)
    with consuming(shipping) as (_, outcome):
        until("it to be forgotten", lambda: not forgotten)
        Topic().put(created("o1"))
        until("the message to be taken", lambda: taken(shipping) == ["o1"])
        assert not outcome.done()
    assert "the group has forgotten this consumer, it joins anew" in caplog.text
