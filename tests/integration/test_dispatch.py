"""With Redis away the engine still commits, and the sweep finds what was not queued."""

from datetime import timedelta

import pytest
import redis

from ecommerce import identity
from ecommerce.dispatch import Dispatcher
from ecommerce.registry import engine
from inventory.events import InventoryReserved
from payments import selectors as payments
from payments.domain import Pending
from payments.events import PaymentAuthorized
from shipping import selectors as shipping
from tests.integration.consuming import AT, created, envelope_of
from tests.servers import Servers
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("databases")


def book(order_id: str) -> None:
    """Brings an order to where shipping asks the carrier."""
    authorized = PaymentAuthorized(order_id=order_id, amount=100, currency="USD")
    for event in (created(order_id), authorized):
        engine("shipping").execute(event, id=envelope_of(event).event_id, at=AT)


def open_bookings() -> list[str]:
    return shipping.unanswered(identity.now() + timedelta(seconds=1), limit=10)


def queued(servers: Servers) -> int:
    with redis.Redis.from_url(servers.redis.url) as client:
        return int(client.llen("shipping"))


def until_queued(servers: Servers, count: int) -> None:
    # Or more: what reached a socket before Redis froze may be taken in after all.
    until(f"{count} tasks to be queued", lambda: queued(servers) >= count)


def lost(caplog: pytest.LogCaptureFixture) -> int:
    return caplog.text.count("the sweep will find it")


def until_lost(caplog: pytest.LogCaptureFixture) -> None:
    until("the task to be lost", lambda: lost(caplog) > 0)


def test_with_redis_up_the_task_is_queued(servers: Servers) -> None:
    before = queued(servers)
    book("o1")
    until_queued(servers, before + 1)
    assert open_bookings() == ["o1"]


def test_with_redis_dead_the_intent_is_committed_and_found_by_the_sweep(
    servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    servers.redis.kill()
    try:
        book("o1")
        assert open_bookings() == ["o1"]
        until_lost(caplog)
    finally:
        servers.redis.start()
    before = queued(servers)
    book("o2")
    until_queued(servers, before + 1)
    assert open_bookings() == ["o1", "o2"]


def test_with_redis_frozen_nobody_waits_and_the_intent_is_found_by_the_sweep(
    servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    before = queued(servers)
    book("o0")
    until_queued(servers, before + 1)  # a connection is open
    servers.redis.pause()
    try:
        book("o1")
        assert "the sweep will find it" not in caplog.text  # nobody has heard yet that Redis does not answer
        assert open_bookings() == ["o0", "o1"]
        until_lost(caplog)
    finally:
        servers.redis.resume()
    book("o2")
    until_queued(servers, before + 2)


def test_with_redis_frozen_for_long_no_more_than_so_many_tasks_wait(
    servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    before, dispatcher = queued(servers), Dispatcher(most_waiting=5)
    servers.redis.pause()
    try:
        for number in range(10):
            dispatcher.queue("shipping.book", [f"o{number}"], on="shipping")
        # One is with the thread, five wait.
        assert caplog.text.count("too many are waiting") in (4, 5)
    finally:
        servers.redis.resume()
    until("the others to be queued or lost", lambda: queued(servers) - before + lost(caplog) >= 10)


def test_with_redis_full_the_intent_is_committed_and_found_by_the_sweep(
    servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    with redis.Redis.from_url(servers.redis.url) as client:
        before = queued(servers)
        client.config_set("maxmemory", 1)
        try:
            book("o1")
            until_lost(caplog)
            assert (queued(servers), open_bookings()) == (before, ["o1"])
        finally:
            client.config_set("maxmemory", 0)


def test_payments_sweep_finds_what_it_did_not_ask_the_gateway(servers: Servers) -> None:
    servers.redis.kill()
    try:
        for event in (created("o1"), InventoryReserved(order_id="o1", lines=())):
            engine("payments").execute(event, id=envelope_of(event).event_id, at=AT)
    finally:
        servers.redis.start()
    late = identity.now() + timedelta(seconds=1)
    assert payments.unanswered(Pending.AUTHORIZE, late, limit=10) == ["o1"]
