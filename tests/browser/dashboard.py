"""The dashboard as a person uses it, step by step, for the tests that look at it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

from ecommerce.demo import PASSWORD
from tests.pipeline import URL

PATIENCE = 90_000  # milliseconds


@contextmanager
def visitor(browser: Browser, **options: Any) -> Iterator[Page]:
    """A page of somebody who was never here. It goes nowhere but to the site."""
    context = browser.new_context(base_url=URL, **{"viewport": {"width": 1280, "height": 900}, **options})
    context.route(lambda url: not url.startswith((URL, "data:")), lambda route: route.abort())
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    try:
        yield page
    finally:
        context.close()
        expect.set_options(timeout=5000)


def sign_in(page: Page, name: str) -> None:
    page.goto("/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def go(page: Page, title: str) -> None:
    """To a page by the menu, without a reload."""
    page.get_by_role("navigation", name="Pages").get_by_role("link", name=title).click()
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()


def placed_orders(page: Page) -> Locator:
    """The latest first."""
    return page.get_by_role("list", name="Orders placed here").locator("> li")


def place(page: Page, variety: str = "Card that works") -> str:
    """Places an order in the shop; gives its id."""
    before = placed_orders(page).count()
    page.get_by_role("radio", name=variety).check()
    button = page.get_by_role("button", name="Place order")
    expect(button).to_be_enabled()
    button.click()
    expect(placed_orders(page)).to_have_count(before + 1)
    return placed_orders(page).first.get_by_role("link").get_attribute("title") or ""
