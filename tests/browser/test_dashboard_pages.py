"""Each page of the dashboard, light and dark: axe finds nothing. With SCREENSHOTS they are those of the documents."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from deploy.local.places import ROOT
from ecommerce.demo import BRANCHES
from tests.browser.dashboard import go, place, placed_orders, sign_in, visitor
from tests.poisoning import cut_short, failed
from tests.system.conftest import Pipeline, pipeline  # noqa: F401
from tests.system.watching import BODY
from tests.waiting import until

DEADLINE_SECONDS = 20
AXE = ROOT / "frontend" / "ui" / "node_modules" / "axe-core" / "axe.min.js"
IMAGES = os.environ.get("SCREENSHOTS")  # a folder
WIDTHS = (390, 1280, 1920)
HEIGHTS = {390: 844, 1280: 800, 1920: 1080}


@pytest.fixture(scope="module")
def poisoned(pipeline: Pipeline) -> str:  # noqa: F811
    """Orders of every fate, and the id of one whose first event no service could take."""
    for branch in BRANCHES:
        if not branch.one_by_one:
            list(branch.place(pipeline.shop))
    pipeline.processes["relay"].stop()
    order_id = str(pipeline.shop.call("POST", "orders", body=BODY, expect=201)["orderId"])
    cut_short(order_id)
    pipeline.processes["relay"].start()
    until("all services to set it aside", lambda: len(failed(order_id)) == 4, seconds=90)
    return order_id


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> Literal["light", "dark"]:
    return "dark" if request.param == "dark" else "light"


@pytest.fixture
def page(browser: Browser, poisoned: str, scheme: Literal["light", "dark"]) -> Iterator[Page]:
    with visitor(browser, color_scheme=scheme, reduced_motion="reduce") as page:
        yield page


def test_no_page_has_an_accessibility_violation(page: Page, poisoned: str, scheme: str) -> None:
    looking = _Looking(page, scheme)
    page.goto("/")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    looking.at("sign-in")
    sign_in(page, "staff")
    expect(page.get_by_role("banner").get_by_text("Live", exact=True)).to_be_visible()
    go(page, "Shop")
    place(page, "Card declined")
    place(page)
    expect(placed_orders(page).first.get_by_role("status")).to_have_text("COMPLETED")
    expect(placed_orders(page).last.get_by_role("status")).to_contain_text("CANCELLED")
    looking.at("shop")
    placed_orders(page).last.get_by_role("link").click()
    expect(page.locator(".timeline tbody tr")).to_have_count(5)
    looking.at("order")
    page.get_by_role("button", name="Raw PaymentFailed").click()
    expect(page.get_by_role("region", name="The event")).to_be_visible()
    looking.at("event")
    page.keyboard.press("Escape")
    go(page, "Orders")
    expect(page.get_by_role("row").nth(5)).to_be_visible()
    looking.at("orders")
    page.get_by_label("Find").fill("no such order")
    expect(page.get_by_text("None of the orders here is like that.")).to_be_visible()
    looking.judge("no orders")
    go(page, "Dead letters")
    page.get_by_label("Order or product").fill(poisoned)
    page.get_by_label("Status").select_option("FAILED")  # others wait behind them, more with time
    rows = page.get_by_role("table").locator("tbody tr")
    expect(rows).to_have_count(4)
    looking.at("dead-letters")
    rows.first.get_by_role("link").click()
    page.get_by_role("button", name="Dry run").click()
    expect(page.get_by_text("It would fail again")).to_be_visible()
    looking.at("dead-letter")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    looking.judge("discard")
    page.keyboard.press("Escape")
    go(page, "Pipeline")
    expect(page.locator(".saga:visible")).to_be_visible()
    looking.at("pipeline")
    assert looking.faults == []


class _Looking:
    """Judges pages, wide and narrow, and takes their pictures if they are wanted. `faults` are said at the end."""

    def __init__(self, page: Page, scheme: str) -> None:
        self._page = page
        self._scheme = scheme
        self.faults: list[tuple[str, str, list[str]]] = []

    def at(self, name: str) -> None:
        for width in WIDTHS if IMAGES else (1280, 390):
            self._page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
            self.judge(f"{name} at {width}")
            if IMAGES:
                self._page.screenshot(path=str(Path(IMAGES) / f"{name}-{self._scheme}-{width}.png"))
        self._page.set_viewport_size({"width": 1280, "height": 900})

    def judge(self, where: str) -> None:
        self._page.evaluate(AXE.read_text())  # not a script of the page, so its policy has nothing to say
        found: dict[str, Any] = self._page.evaluate("axe.run()")
        assert len(found["passes"]) > 5
        for each in found["violations"]:
            self.faults.append((where, each["id"], [node["html"][:200] for node in each["nodes"]]))
        if wide := self._page.evaluate("Math.max(0, document.documentElement.scrollWidth - innerWidth)"):
            self.faults.append((where, f"{wide} pixels too wide", []))
