"""A day in the back office: what staff see, do and may not see."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import Locator, Page, expect

from ecommerce import identity
from ecommerce.audit import scheduled
from ecommerce.platform.models import User
from ecommerce.platform.roles import establish
from orders.models import Order
from tests.integration.parking import Feed, created, reserved
from tests.integration.people import PASSWORD
from tests.integration.saga import Saga

IMAGES = os.environ.get("SCREENSHOTS")  # a folder: those of the documents are made so
STUCK, DONE, CANCELLED, POISONED = "order-stuck", "order-done", "order-cancelled", "order-poisoned"


@pytest.fixture(scope="module", autouse=True)
def shop(saga: Saga) -> None:
    """Orders of every fate."""
    establish()
    for name in ("support", "warehouse", "finance", "operator", "admin"):
        person = User.objects.create_user(name, password=PASSWORD, is_staff=True)
        person.groups.add(Group.objects.get(name=name))
    saga.stock("MUG", 4)
    saga.place(DONE)
    saga.place(CANCELLED, sku="MUG")
    saga.deliver()
    saga.cancel(CANCELLED)
    saga.settle()
    feed = Feed(saga.engines["payments"])
    saga.place(POISONED)
    feed.spoil(created(POISONED))
    feed.give(reserved(POISONED))
    scheduled.run()


@pytest.fixture
def stuck(saga: Saga) -> None:
    """An order that has waited for the gateway for longer than any order may."""
    saga.place(STUCK)
    while saga.deliver():
        pass
    Order.objects.filter(pk=STUCK).update(created_at=identity.now() - timedelta(hours=1))


def sign_in(tab: Page, name: str) -> None:
    tab.goto("/admin/")
    tab.get_by_label("Username").fill(name)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Log in").click()
    expect(tab.get_by_role("heading", name="Needs a person")).to_be_visible()


def follow(tab: Page, link: Locator) -> None:
    """Clicks on a row's link. As a page loads, its scripts put the table elsewhere: a click just then is lost."""
    expect(link).to_be_visible()
    tab.wait_for_load_state()
    link.click()


def picture(tab: Page, name: str) -> None:
    if IMAGES:
        tab.wait_for_load_state("networkidle")
        tab.evaluate("document.fonts.ready")
        height = min(tab.evaluate("document.documentElement.scrollHeight"), 1300)
        tab.set_viewport_size({"width": 1280, "height": height})
        tab.screenshot(path=Path(IMAGES) / f"{name}.png")
        tab.set_viewport_size({"width": 1280, "height": 800})


@pytest.mark.usefixtures("stuck")
def test_support_finds_a_stuck_order_reads_why_acts_and_sees_the_result(tab: Page, saga: Saga) -> None:
    tab.goto("/admin/")
    sign_in(tab, "support")
    picture(tab, "landing")
    tab.get_by_role("link", name="orders overdue").click()
    expect(tab.get_by_role("link", name=STUCK)).to_be_visible()
    expect(tab.get_by_role("link", name=DONE)).to_have_count(0)
    picture(tab, "orders")
    follow(tab, tab.get_by_role("link", name=STUCK))
    expect(tab.get_by_text("asks the outside world: AUTHORIZE")).to_be_visible()
    picture(tab, "order")
    tab.get_by_label("Reason, for the record").fill("the customer called: it takes too long")
    tab.get_by_role("button", name="Cancel the order").click()
    expect(tab.get_by_text("its cancellation is asked for")).to_be_visible()
    saga.settle()
    tab.reload()
    expect(tab.get_by_text("It waits for nothing")).to_be_visible()
    expect(tab.get_by_text("↩ compensation").first).to_be_visible()
    expect(tab.get_by_role("button", name="Cancel the order")).to_have_count(0)


def test_an_order_is_found_by_its_product(tab: Page) -> None:
    sign_in(tab, "support")
    tab.goto("/admin/orders/order/")
    tab.locator("#searchbar").fill("MUG")
    tab.locator("#searchbar").press("Enter")
    expect(tab.get_by_role("link", name=CANCELLED)).to_be_visible()
    expect(tab.get_by_role("link", name=DONE)).to_have_count(0)


def test_the_warehouse_adjusts_stock_and_cannot_see_payments(tab: Page) -> None:
    sign_in(tab, "warehouse")
    tab.get_by_role("link", name="products low in stock").click()
    expect(tab.get_by_role("link", name="MUG")).to_be_visible()
    picture(tab, "stock-list")
    follow(tab, tab.get_by_role("link", name="MUG"))
    tab.get_by_label("So many came in").fill("20")
    tab.get_by_label("Reason, for the record").fill("a delivery")
    tab.get_by_role("button", name="Adjust").click()
    expect(tab.get_by_text("adjusted by +20")).to_be_visible()
    expect(tab.get_by_text("+20 by warehouse: a delivery")).to_be_visible()
    picture(tab, "stock")
    expect(tab.get_by_role("link", name="Payments")).to_have_count(0)
    answer = tab.context.request.get("/admin/payments/payment/")
    assert answer.status == 403


def test_finance_gives_money_back(tab: Page, saga: Saga) -> None:
    sign_in(tab, "finance")
    tab.goto("/admin/payments/payment/")
    picture(tab, "payments")
    follow(tab, tab.get_by_role("link", name=DONE))
    tab.get_by_label("Reason, for the record").fill("it came broken")
    tab.get_by_role("button", name="Give the money back").click()
    expect(tab.get_by_text("its refund is asked for")).to_be_visible()
    saga.settle()
    tab.reload()
    expect(tab.get_by_text("REFUNDED").first).to_be_visible()
    picture(tab, "payment")


def test_an_operator_reads_tries_and_gives_up_a_dead_letter(tab: Page) -> None:
    sign_in(tab, "operator")
    tab.get_by_role("link", name="dead letters of payments").click()
    expect(tab.locator("#result_list a").first).to_be_visible()
    picture(tab, "dead-letters")
    follow(tab, tab.locator("#result_list a").first)
    tab.get_by_role("button", name="Try, storing nothing").click()
    expect(tab.get_by_text("a replay would take 0")).to_be_visible()
    picture(tab, "dead-letter")
    tab.get_by_label("Reason, for the record").last.fill("it is no order of ours")
    tab.get_by_role("button", name="Discard for good").click()
    expect(tab.get_by_text("of its order wait still: replay them")).to_be_visible()


def test_an_admin_sees_who_did_what(tab: Page) -> None:
    sign_in(tab, "admin")
    tab.goto("/admin/inventory/stock/CUP/change/")
    tab.get_by_label("So many came in").fill("-1")
    tab.get_by_label("Reason, for the record").fill("one broke")
    tab.get_by_role("button", name="Adjust").click()
    expect(tab.get_by_text("adjusted by -1")).to_be_visible()
    tab.goto("/admin/admin/logentry/")
    expect(tab.get_by_text("one broke").first).to_be_visible()
    expect(tab.get_by_text("admin", exact=True).first).to_be_visible()
    picture(tab, "record")
    tab.goto("/admin/shipping/shipment/")
    picture(tab, "shipments")
