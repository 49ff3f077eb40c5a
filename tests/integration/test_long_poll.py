"""`GET /orders/{id}?wait=`: it is answered when the order changes, and others are served meanwhile."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from ecommerce.http import waiting
from ecommerce.http.server import Handler
from ecommerce.registry import engine
from orders.events import CancelledBy
from orders.messages import CancelOrder
from tests.integration.asgi import Exchange
from tests.integration.people import ORDERS, Person
from tests.integration.saga import Saga

pytestmark = pytest.mark.usefixtures("module_databases")


def cancel(order_id: str) -> None:
    engine("orders").execute(CancelOrder(order_id=order_id, by=CancelledBy.STAFF), id=f"cancel-{order_id}")


def poll(who: Person, order_id: str, *, wait: int = 30, known: str = "") -> Exchange:
    return Exchange("GET", f"{ORDERS}/{order_id}?wait={wait}", access=who.access, known=known)


def test_many_wait_on_one_thread_until_their_own_order_changes(alice: Person) -> None:
    ids = [alice.order() for _ in range(20)]

    async def scene() -> list[Exchange]:
        handler = Handler(threads=1)
        polls = {id: asyncio.create_task(poll(alice, id).take_place(handler)) for id in ids}
        await asyncio.sleep(0)  # lets them begin: what comes now is behind them
        products = await Exchange("GET", "/api/v1/products").take_place(handler)  # the only thread is free
        assert products.status == 200
        assert not any(each.done() for each in polls.values())
        await sync_to_async(cancel)(ids[7])
        first = await polls.pop(ids[7])
        assert not any(each.done() for each in polls.values())
        for id in polls:
            await sync_to_async(cancel)(id)
        return [first, *await asyncio.gather(*polls.values())]

    answers = asyncio.run(scene())
    assert [answer.status for answer in answers] == [200] * 20
    assert all(b'"CANCELL' in answer.body for answer in answers)


def test_who_has_the_order_gets_a_304_when_nothing_came(alice: Person) -> None:
    order_id = alice.order()
    tag = alice.get(f"{ORDERS}/{order_id}")["ETag"]
    answer = asyncio.run(poll(alice, order_id, wait=1, known=tag).take_place(Handler(threads=1)))
    assert (answer.status, answer.body, answer.headers("etag")) == (304, b"", [tag])


def test_who_does_not_have_it_as_it_is_gets_it_at_once(alice: Person) -> None:
    exchanges = [poll(alice, alice.order(), known='"old"'), poll(alice, alice.order(), wait=0)]
    ended = alice.order()
    Saga().settle()
    exchanges.append(poll(alice, ended))
    changes: list[Any] = []

    async def changed(self: waiting.Watch, change: waiting.Change) -> None:
        changes.append(change)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waiting.Watch, "changed", changed)
        for each in exchanges:
            assert asyncio.run(each.take_place(Handler(threads=1))).status == 200
    assert changes == []


def test_when_too_many_wait_the_next_is_answered_at_once(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MOST_WAITING", 1)
    order_id = alice.order()

    async def scene() -> None:
        handler = Handler(threads=1)
        patient = asyncio.create_task(poll(alice, order_id).take_place(handler))
        hurried = asyncio.create_task(poll(alice, order_id).take_place(handler))
        done, _ = await asyncio.wait({patient, hurried}, return_when=asyncio.FIRST_COMPLETED)
        assert len(done) == 1
        await sync_to_async(cancel)(order_id)
        await asyncio.wait({patient, hurried})

    asyncio.run(scene())
