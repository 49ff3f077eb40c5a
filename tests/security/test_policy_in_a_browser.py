"""The content security policies let a real browser show every kind of page, and stop what is not of the page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.api.conftest import api  # noqa: F401
from tests.api.hooks import PASSWORD

CHROMIUM = "/usr/bin/chromium"
PATIENCE = 60_000  # milliseconds


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        yield page
        browser.close()


def test_pages_work_under_their_policies_and_what_is_injected_does_not(api: str, page: Page) -> None:  # noqa: F811
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if "Content Security Policy" in said.text else None)
    page.on("pageerror", lambda error: refused.append(str(error)))
    page.goto(f"{api}/admin/login/")
    page.fill("input[name=username]", "staff")
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(f"{api}/admin/")
    for path in ("/admin/orders/order/", "/admin/platform/user/add/", "/admin/inventory/stock/"):
        page.goto(f"{api}{path}")
        page.wait_for_function("typeof Alpine !== 'undefined' && Alpine.version !== ''")
    page.goto(f"{api}/api/docs")
    page.wait_for_selector(".opblock")
    page.goto(f"{api}/")
    page.wait_for_selector("h1")
    assert refused == []
    for there in ("/", "/admin/"):
        page.goto(f"{api}{there}")
        page.evaluate(
            """() => {
                const script = document.createElement('script');
                script.textContent = 'window.injected = true';
                document.body.append(script);
            }"""
        )
        assert page.evaluate("window.injected") is None
    assert len(refused) == 2
    assert all("script-src" in each for each in refused)
