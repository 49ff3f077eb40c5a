"""Orders seen live: from the services' events through the projection and Redis to whoever watches."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from django.db import connections

from ecommerce.demo import Placed
from tests.integration.listening import Listener, listening
from tests.pipeline import URL, web_process
from tests.processes import running
from tests.sandbox import free_port
from tests.servers import Servers
from tests.system.conftest import Pipeline
from tests.system.watching import BODY, place
from tests.waiting import until

DEADLINE_SECONDS = 600  # nothing here waits for it
DECLINED = BODY | {"paymentMethod": "tok_declined"}
STEPS = ["PENDING", "RESERVED", "PAID", "SHIPPED", "COMPLETED"]


@pytest.fixture(scope="module")
def second(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of another web process."""
    port = free_port()
    process = running(web_process("web-2", port), tmp_path_factory.mktemp("second"))
    process.start()
    yield f"http://127.0.0.1:{port}"
    process.stop()


@contextmanager
def watching(pipeline: Pipeline, user: str, url: str = URL) -> Iterator[Listener]:
    """A live view of `user` that has its snapshot."""
    ticket = pipeline.shop.call("POST", "auth/ws-ticket", user=user)["ticket"]
    with listening(url, ticket) as listener:
        assert listener.hear()["type"] == "snapshot"
        yield listener


def ends(listener: Listener, placed: list[Placed], status: str = "COMPLETED") -> None:
    listener.until(lambda it: {it.statuses().get(one.order_id) for one in placed} == {status})


def seen(listener: Listener, order_id: str) -> list[str]:
    """The statuses of an order, as they were told."""
    told = []
    for frame in listener.frames:
        orders = frame["orders"] if frame["type"] in ("snapshot", "orders.updated") else []
        for each in [frame["order"]] if frame["type"] == "order.updated" else orders:
            if each["orderId"] == order_id and told[-1:] != [each["status"]]:
                told.append(each["status"])
    return told


def test_an_order_is_seen_from_its_placing_to_its_end_by_its_customer_and_staff_at_either_web_process(
    pipeline: Pipeline, second: str
) -> None:
    with (
        watching(pipeline, "alice") as alice,
        watching(pipeline, "bob") as bob,
        watching(pipeline, "staff") as staff,
        watching(pipeline, "staff", second) as elsewhere,
    ):
        (of_alice,) = place(pipeline.shop, 1)
        answer = pipeline.shop.call(
            "POST", "orders", user="bob", body=BODY | {"paymentMethod": "tok_declined"}, expect=201
        )
        of_bob = answer["orderId"]
        ends(alice, [of_alice])
        bob.until(lambda it: it.statuses().get(of_bob) == "CANCELLED")
        for listener in (staff, elsewhere):
            ends(listener, [of_alice])
            listener.until(lambda it: it.statuses().get(of_bob) == "CANCELLED")
        assert of_bob not in str(alice.frames)
        assert of_alice.order_id not in str(bob.frames)
        assert seen(alice, of_alice.order_id)[-1] == "COMPLETED"
        steps = seen(staff, of_alice.order_id)
        assert steps == [each for each in STEPS if each in steps]
        told = dict(alice.orders[of_alice.order_id])
        assert told.pop("version") > 1
        assert told == pipeline.shop.call("GET", f"orders/{of_alice.order_id}")


def test_the_pipeline_tells_its_rates_and_latencies(pipeline: Pipeline) -> None:
    with watching(pipeline, "staff") as staff:
        ends(staff, place(pipeline.shop, 20))
        # The figures are those of the second before: an order may have been seen to end before they count it.
        staff.until(lambda it: it.frames[-1]["type"] == "pipeline.stats" and it.frames[-1]["latency"]["count"] >= 20)
        stats = staff.frames[-1]
        assert stats["sources"] == {"mongo": True, "kafka": True, "projection": True}
        assert stats["orders"]["completedPerSecond"] > 0
        assert 0 < stats["latency"]["p50"] <= stats["latency"]["p95"] <= stats["latency"]["p99"]
        assert all(each["publishedPerSecond"] > 0 for each in stats["services"])
        assert {each["consumers"] for each in stats["services"]} == {1}
        staff.until(lambda it: "pipeline.stats" in it.types()[-1:] and it.frames[-1]["orders"]["inFlight"] == 0)


def test_of_many_changes_at_once_a_client_gets_a_few_frames_and_every_end(pipeline: Pipeline) -> None:
    with watching(pipeline, "staff") as staff:
        started = time.monotonic()
        ends(staff, place(pipeline.shop, 60))
        seconds = time.monotonic() - started
        assert len(staff.frames) <= 2 + seconds / 0.1
        merged = sum(frame.get("skipped", 0) for frame in staff.frames if frame["type"] == "orders.updated")
        print(f"{len(staff.frames)} frames in {seconds:.1f} s, {merged} states merged away")


def test_a_projection_that_was_killed_is_heard_again_and_nothing_is_missed(pipeline: Pipeline) -> None:
    with watching(pipeline, "alice") as alice:
        before = place(pipeline.shop, 2)
        ends(alice, before)
        pipeline.processes["live"].kill()
        meanwhile = place(pipeline.shop, 2)
        until("them to end unseen", lambda: all(one.look(pipeline.shop) for one in meanwhile), seconds=90)
        pipeline.processes["live"].start()
        ends(alice, meanwhile)
        ends(alice, place(pipeline.shop, 2))


def test_a_web_process_that_was_killed_gives_a_new_snapshot(pipeline: Pipeline) -> None:
    with watching(pipeline, "alice"):
        placed = place(pipeline.shop, 1)
        pipeline.processes["web"].kill()
    pipeline.processes["web"].start()
    with watching(pipeline, "alice") as alice:
        assert placed[0].order_id in alice.orders
        ends(alice, placed)


@pytest.mark.parametrize("name", ["redis", "kafka", "mongo"])
def test_after_an_outage_it_is_live_again(pipeline: Pipeline, servers: Servers, name: str) -> None:
    with watching(pipeline, "alice") as alice:
        ends(alice, place(pipeline.shop, 1))
        server = getattr(servers, name)
        server.kill()
        server.start()
        until("the web process to be ready", lambda: httpx.get(f"{URL}/readyz", trust_env=False).status_code == 200)
        placed = place(pipeline.shop, 3)
        ends(alice, placed)


def test_what_orders_takes_long_after_the_projection_has_heard_of_it_is_seen(pipeline: Pipeline) -> None:
    consumer = pipeline.processes["consumer-orders"]
    with watching(pipeline, "alice") as alice:
        consumer.pause()
        try:
            (placed,) = place(pipeline.shop, 1)
            stock = connections["inventory"].database["reservations"]
            until("its goods to be reserved", lambda: stock.count_documents({"_id": placed.order_id}) == 1, seconds=90)
            alice.until(lambda it: placed.order_id in it.orders)
            assert alice.statuses()[placed.order_id] == "PENDING"
        finally:
            consumer.resume()
        ends(alice, [placed])
