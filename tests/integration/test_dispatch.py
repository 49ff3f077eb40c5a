"""With Redis away the engine still commits, and the sweep finds what was not queued."""

from datetime import timedelta

import pytest
import redis

from ecommerce import identity
from ecommerce.registry import engine
from inventory.events import InventoryReserved
from payments import selectors as payments
from payments.domain import Pending
from payments.events import PaymentAuthorized
from shipping import selectors as shipping
from tests.integration.consuming import AT, created, envelope_of
from tests.servers import Servers

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
        return int(client.llen("outside"))


def test_with_redis_up_the_task_is_queued(servers: Servers) -> None:
    before = queued(servers)
    book("o1")
    assert (queued(servers), open_bookings()) == (before + 1, ["o1"])


def test_with_redis_dead_the_intent_is_committed_and_found_by_the_sweep(servers: Servers) -> None:
    servers.redis.kill()
    try:
        book("o1")
        assert open_bookings() == ["o1"]
    finally:
        servers.redis.start()
    before = queued(servers)
    book("o2")
    assert (queued(servers), open_bookings()) == (before + 1, ["o1", "o2"])


def test_with_redis_frozen_the_intent_is_committed_and_found_by_the_sweep(servers: Servers) -> None:
    servers.redis.pause()
    try:
        book("o1")
        assert open_bookings() == ["o1"]
    finally:
        servers.redis.resume()


def test_with_redis_full_the_intent_is_committed_and_found_by_the_sweep(servers: Servers) -> None:
    with redis.Redis.from_url(servers.redis.url) as client:
        before = queued(servers)
        client.config_set("maxmemory", 1)
        try:
            book("o1")
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
