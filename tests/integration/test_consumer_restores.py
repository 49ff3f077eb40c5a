"""The consumer when what it relies on becomes another: a topic made anew, a broker or a database put back."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from ecommerce.registry import engine
from tests.integration.consuming import Topic, consuming, created, letters, position, taken
from tests.integration.restoring import put_back
from tests.servers import Servers
from tests.topics import make_topics_anew
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("databases")

SECONDS = 90  # a topic's new id is asked for every few seconds, and the group forms anew


@pytest.fixture
def shipping(databases: None) -> Any:
    make_topics_anew()
    return engine("shipping")


def put(*names: str) -> list[int]:
    return Topic().put(*(created(name) for name in names))


def all_taken(engine: Any, *names: str) -> None:
    until(f"{names} to be taken", lambda: taken(engine) == sorted(names), seconds=SECONDS)


def test_a_topic_made_anew_while_nobody_consumes_is_read_from_its_beginning(
    shipping: Any, caplog: pytest.LogCaptureFixture
) -> None:
    put("o1", "o2")
    with consuming(shipping):
        all_taken(shipping, "o1", "o2")
    assert position(shipping) == 2
    make_topics_anew()
    put("n1", "n2", "n3")  # the position of old is inside the new topic
    with consuming(shipping):
        all_taken(shipping, "o1", "o2", "n1", "n2", "n3")
    assert position(shipping) == 3
    assert "the topic was made anew" in caplog.text


def test_a_topic_made_anew_under_a_consumer_is_read_from_its_beginning(
    shipping: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with consuming(shipping) as (_, outcome):
        put("o1", "o2")
        all_taken(shipping, "o1", "o2")
        make_topics_anew()
        put("n1", "n2", "n3")
        all_taken(shipping, "o1", "o2", "n1", "n2", "n3")
        assert not outcome.done()
    assert position(shipping) == 3
    # Which of the two it notices first is the broker's affair: another topic, or nothing at the old position.
    assert any(said in caplog.text for said in ("the topic was made anew", "nothing is where it was read up to"))


def test_a_cluster_rebuilt_from_nothing_is_read_from_its_beginning(servers: Servers, shipping: Any) -> None:
    with consuming(shipping) as (_, outcome):
        put("o1", "o2")
        all_taken(shipping, "o1", "o2")
        servers.kafka.kill()
        shutil.rmtree(servers.kafka.server.data)  # type: ignore[attr-defined]
        servers.kafka.start()
        call_command("create_topics", verbosity=0)
        put("n1", "n2", "n3")
        all_taken(shipping, "o1", "o2", "n1", "n2", "n3")
        assert not outcome.done()
    assert position(shipping) == 3


def test_a_broker_that_has_lost_messages_is_read_again_and_the_position_goes_back(
    servers: Servers, shipping: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put("o1")
    with put_back(servers.kafka, tmp_path / "kafka") as restore, consuming(shipping) as (_, outcome):
        put("o2", "o3")
        all_taken(shipping, "o1", "o2", "o3")
        until("the position to be saved", lambda: position(shipping) == 3)
        restore()
        put("o4")  # in the place of the second
        all_taken(shipping, "o1", "o2", "o3", "o4")
        until("the position to be where the topic ends", lambda: position(shipping) == 2)
        assert not outcome.done()
    assert "nothing is where it was read up to" in caplog.text


def test_a_database_put_back_under_a_consumer_gets_what_it_has_not_seen(
    servers: Servers, shipping: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put("o1")
    with consuming(shipping):
        all_taken(shipping, "o1")
    with put_back(servers.mongo, tmp_path / "mongo") as restore, consuming(shipping) as (_, outcome):
        put("o2", "o3")
        all_taken(shipping, "o1", "o2", "o3")
        until("the position to be saved", lambda: position(shipping) == 3)
        restore()
        assert taken(shipping) == ["o1"]
        put("o4")
        all_taken(shipping, "o1", "o2", "o3", "o4")
        assert not outcome.done()
    assert position(shipping) == 4
    assert letters(shipping) == []
    assert "the database is an older one" in caplog.text
