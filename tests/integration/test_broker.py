"""A worker's connection to Redis, lost while the worker holds what it has not acknowledged."""

from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
from kombu import Consumer, Queue

from ecommerce.celery import app
from tests.servers import Servers

QUEUE = "a-queue-of-the-tests"


@pytest.fixture
def worker(servers: Servers) -> Iterator[Consumer]:
    """What a worker has: a consumer that holds one message and waits for another, and a second one that only waits."""
    taken: list[Any] = []
    with app.connection_for_read(servers.redis.url) as connection:
        with closing(connection.SimpleQueue(QUEUE)) as queue:
            queue.clear()
            queue.put(["question"])
        with connection.channel() as control:
            consumer, other = (
                Consumer(channel, [Queue(name)], callbacks=[lambda body, _: taken.append(body)], accept=["json"])
                for channel, name in ((connection.default_channel, QUEUE), (control, f"{QUEUE}-of-control"))
            )
            consumer.consume()
            other.consume()
            while not taken:
                connection.drain_events(timeout=10)
            with pytest.raises(TimeoutError):
                connection.drain_events(timeout=0.1)
            yield consumer


def test_it_is_closed_in_order_when_it_is_lost(
    worker: Consumer, servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    channel = worker.channel
    connection = channel.connection.client
    servers.redis.kill()
    try:
        connection.collect()  # as a Celery worker does that notices
        channel.close()
    finally:
        servers.redis.start()
    # kombu's own tells of what it could not give back, and dumps it to a file.
    assert [record.getMessage() for record in caplog.records if record.name.startswith("kombu")] == []


def test_a_task_may_end_after_it_is_lost(worker: Consumer, servers: Servers) -> None:
    channel, tag = worker.channel, next(iter(worker.channel.qos._delivered))
    connection = channel.connection.client
    servers.redis.kill()
    try:
        connection.collect()
        with suppress(*connection.connection_errors):
            channel.close()
        channel.basic_ack(tag)  # whatever this raises the worker dies of
    finally:
        servers.redis.start()


def test_what_it_holds_is_not_noted_in_redis(worker: Consumer) -> None:
    with worker.channel.conn_or_acquire() as redis:
        assert [*redis.scan_iter("*unacked*")] == []


def test_it_is_given_no_more_than_it_asked_for_until_that_has_ended(worker: Consumer) -> None:
    channel = worker.channel
    channel.basic_qos(0, 1, False)
    tag = next(iter(channel.qos._delivered))
    assert not channel.qos.can_consume()
    channel.basic_ack(tag)
    assert channel.qos.can_consume()


def test_what_it_holds_is_given_back_when_it_is_not_lost(worker: Consumer, servers: Servers) -> None:
    worker.channel.close()
    with app.connection_for_read(servers.redis.url) as another, closing(another.SimpleQueue(QUEUE)) as queue:
        message = queue.get(timeout=10)
        assert message.payload == ["question"]
        message.ack()


def test_a_channel_has_one_client_for_all_its_commands_and_another_for_another_pool(worker: Consumer) -> None:
    channel = worker.channel
    with channel.conn_or_acquire() as first, channel.conn_or_acquire() as second:
        assert first is second
    channel._disconnect_pools()
    with channel.conn_or_acquire() as third:
        assert third is not first
        assert third.ping()
