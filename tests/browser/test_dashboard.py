"""The dashboard on the running pipeline: an order is placed, followed, poisoned and mended; the server goes away."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from ecommerce import identity
from frontend.layer import Voice
from frontend.shapes import update_of
from orders.models import Order
from tests.browser.dashboard import go, place, placed_orders, sign_in, visitor
from tests.poisoning import cut_short, failed, mend
from tests.system.conftest import Pipeline, pipeline  # noqa: F401
from tests.system.watching import BODY
from tests.waiting import until

DEADLINE_SECONDS = 300
HAPPY = {
    "OrderCreated", "InventoryReserved", "PaymentAuthorized", "OrderConfirmed", "ShipmentCreated", "OrderShipped",
    "PaymentCaptured", "InventoryCommitted", "OrderCompleted",
}  # fmt: skip


@pytest.fixture
def staff(browser: Browser, pipeline: Pipeline) -> Iterator[Page]:  # noqa: F811
    """The page of a member of staff who has signed in, which is never loaded anew and says no error."""
    with visitor(browser) as page:
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if "Content Security Policy" in said.text else None)
        sign_in(page, "staff")
        page.evaluate("window.isTheSame = true")
        yield page
        assert page.evaluate("window.isTheSame")
        assert errors == []


def test_an_order_is_placed_and_followed_and_a_poisoned_one_is_mended(
    staff: Page,
    pipeline: Pipeline,  # noqa: F811
    tmp_path: Path,
) -> None:
    expect(staff.get_by_role("heading", name="Pipeline", level=1)).to_be_visible()
    go(staff, "Shop")
    place(staff)
    _sees_it_complete(staff)
    _reads_its_timeline(staff)
    # The event of the next one is spoilt between the shop and the topic.
    relay = pipeline.processes["relay"]
    relay.stop()
    go(staff, "Shop")
    order_id = place(staff)
    original = cut_short(order_id)
    relay.start()
    until("all services to set it aside", lambda: len(failed(order_id)) == 4, seconds=90)
    go(staff, "Dead letters")
    staff.get_by_label("Order or product").fill(order_id)
    rows = staff.get_by_role("table").locator("tbody tr")
    expect(rows).to_have_count(4)
    rows.first.get_by_role("link").click()
    staff.get_by_role("button", name="Dry run").click()
    expect(staff.get_by_text("It would fail again")).to_be_visible()
    mend(failed(order_id), original, tmp_path)
    staff.get_by_role("button", name="Dry run").click()
    expect(staff.get_by_text("It would publish")).to_be_visible()
    go(staff, "Dead letters")
    staff.get_by_label("Order or product").fill(order_id)
    expect(rows).to_have_count(4)
    staff.get_by_role("button", name="Replay all 4 listed").click()
    staff.get_by_label("Reason").fill("mended by hand")
    staff.get_by_role("dialog").get_by_role("button", name="Replay", exact=True).click()
    expect(staff.get_by_text("All replayed: 4 of 4 chains")).to_be_visible()
    expect(staff.get_by_text("None is like that.")).to_be_visible()
    go(staff, "Orders")
    staff.get_by_label("Find").fill(order_id)
    expect(staff.get_by_role("row").filter(has_text="COMPLETED")).to_have_count(1)


def _sees_it_complete(staff: Page) -> None:
    order = placed_orders(staff).first
    expect(order.get_by_role("status")).to_have_text("COMPLETED")
    steps = order.locator(".steps li")
    expect(steps.filter(has_text="done")).to_have_count(5)
    for status in ("RESERVED", "PAID", "SHIPPED", "COMPLETED"):
        expect(steps.filter(has_text=status).locator("small")).to_contain_text("+")


def _reads_its_timeline(staff: Page) -> None:
    placed_orders(staff).first.get_by_role("link").click()
    rows = staff.locator(".timeline tbody tr")
    expect(rows).to_have_count(9)
    said = [row.locator("th").inner_text().strip() for row in rows.all()]
    types = [each.split(",")[0].strip() for each in said]
    assert set(types) == HAPPY
    assert [types[0], types[-1]] == ["OrderCreated", "OrderCompleted"]
    causes = [each.partition("because of ")[2] for each in said]
    assert causes[0] == ""
    for place_in_line, cause in enumerate(causes[1:], start=1):
        assert cause in types[:place_in_line]
    staff.get_by_role("button", name="Raw OrderCreated").click()
    expect(staff.get_by_role("region", name="The event")).to_contain_text('"eventType": "OrderCreated"')
    staff.get_by_role("button", name="Close").click()
    expect(staff.get_by_text("It waits for nothing.")).to_be_visible()


def test_it_says_that_it_is_stale_while_the_server_is_away_and_comes_back_by_itself(
    staff: Page,
    pipeline: Pipeline,  # noqa: F811
) -> None:
    go(staff, "Orders")
    banner = staff.get_by_role("banner")
    expect(banner.get_by_text("Live", exact=True)).to_be_visible()
    pipeline.processes["web"].kill()
    expect(staff.get_by_text("Stale since")).to_be_visible()
    expect(banner.get_by_text("Live", exact=True)).to_have_count(0)
    pipeline.processes["web"].start()
    expect(banner.get_by_text("Live", exact=True)).to_be_visible()
    expect(staff.get_by_text("Stale since")).to_have_count(0)
    order_id = pipeline.shop.call("POST", "orders", body=BODY, expect=201)["orderId"]
    staff.get_by_label("Find").fill(order_id)
    expect(staff.get_by_role("row").filter(has_text="COMPLETED")).to_have_count(1)


def test_a_customer_never_receives_the_order_of_another(browser: Browser, pipeline: Pipeline) -> None:  # noqa: F811
    before = pipeline.shop.call("POST", "orders", user="bob", body=BODY, expect=201)["orderId"]
    with visitor(browser) as alice:
        received: list[str] = []
        alice.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(str(frame))))
        sign_in(alice, "alice")
        expect(alice.get_by_role("link", name="Dead letters")).to_have_count(0)
        go(alice, "Orders")
        expect(alice.get_by_role("banner").get_by_text("Live", exact=True)).to_be_visible()
        during = pipeline.shop.call("POST", "orders", user="bob", body=BODY, expect=201)["orderId"]
        own = pipeline.shop.call("POST", "orders", user="alice", body=BODY, expect=201)["orderId"]
        alice.get_by_label("Find").fill(own)
        expect(alice.get_by_role("row").filter(has_text="COMPLETED")).to_have_count(1)
        until(
            "bob's to end", lambda: pipeline.shop.call("GET", f"orders/{during}", user="bob")["status"] == "COMPLETED"
        )
        until("alice to be told of her own", lambda: own in _all_of(received, alice))
        assert not any(before in frame or during in frame for frame in received)
        for order_id in (before, during):
            alice.get_by_label("Find").fill(order_id)
            expect(alice.get_by_text("None of the orders here is like that.")).to_be_visible()
        alice.goto(f"/orders/{during}")
        expect(alice.get_by_text(f"There is no order {during}")).to_be_visible()


def _all_of(received: list[str], page: Page) -> str:
    """What the page has received by now; while nobody asks it anything, nothing is handed over."""
    page.evaluate("null")
    return "".join(received)


def test_500_updates_a_second_leave_the_last_state_of_every_order(staff: Page, pipeline: Pipeline) -> None:  # noqa: F811
    go(staff, "Orders")
    expect(staff.get_by_text("Live", exact=True)).to_be_visible()
    pipeline.processes["live"].stop()  # this test speaks in its place
    try:
        staff.evaluate(_COUNT_FRAMES)
        with ThreadPoolExecutor(1) as outside_of_playwrights_loop:
            outside_of_playwrights_loop.submit(_rush, orders=500, states=10, seconds=10).result()
        staff.get_by_label("Find").fill("state-10-of-10")
        expect(staff.locator(".counts")).to_contain_text("500 of ")
        frames = sorted(staff.evaluate("window.frames"))
        shown = ", ".join(f"p{share} {frames[len(frames) * share // 100]:.0f} ms" for share in (50, 95, 99))
        print(f"{len(frames)} frames at 500 updates/s: {shown}, the longest {frames[-1]:.0f} ms")
    finally:
        pipeline.processes["live"].start()


_COUNT_FRAMES = """() => {
  window.frames = [];
  let last = performance.now();
  const next = (now) => { window.frames.push(now - last); last = now; requestAnimationFrame(next); };
  requestAnimationFrame(next);
}"""


def _rush(*, orders: int, states: int, seconds: float) -> None:
    """So many states of so many orders, at a steady rate, 25 in a message."""
    ids, now = [identity.new_id() for _ in range(orders)], identity.now()
    updates = [
        update_of(
            Order(
                order_id=id,
                version=state,
                status="SHIPPED",
                items=[],
                total_amount=100,
                currency="USD",
                tracking_number=f"state-{state}-of-{states}",
                created_at=now,
                updated_at=now,
            )
        )
        for state in range(1, states + 1)
        for id in ids
    ]
    with asyncio.Runner() as runner:
        voice, begun, at_once = Voice(runner), time.monotonic(), 25
        for index in range(0, len(updates), at_once):
            assert voice.say(updates[index : index + at_once])
            due = begun + seconds * (index + at_once) / len(updates)
            time.sleep(max(0.0, due - time.monotonic()))  # the rate is what is tried
