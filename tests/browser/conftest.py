"""The web process on the tests' databases, and a browser that looks at it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.integration.saga import Saga
from tests.pipeline import URL, pipeline_processes
from tests.processes import running


@pytest.fixture(scope="module")
def saga(module_databases: None) -> Saga:
    """All services in this process, whose messages the tests deliver: things stand still while a person looks."""
    saga = Saga()
    saga.stock()
    return saga


@pytest.fixture(scope="module")
def site(saga: Saga, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the web process."""
    folder = Path(tmp_path_factory.mktemp("web"))
    web = next(each for each in pipeline_processes(folder, deadline_seconds=120) if each.name == "web")
    process = running(web, folder)
    try:
        process.launch()
        process.wait_ready()
        yield URL
    finally:
        process.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Playwright runs a loop of its own in this thread, in which Django would refuse to ask the database.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"], timeout=120_000
        )
        yield chromium
        chromium.close()


@pytest.fixture
def tab(browser: Browser, site: str) -> Iterator[Page]:
    """A new visitor's, 1280 wide. It fails on what the page's own scripts raise, and goes nowhere but to the site."""
    visitor = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=site)
    visitor.route(lambda url: not url.startswith((site, "data:", "blob:")), lambda route: route.abort())
    page = visitor.new_page()
    page.set_default_timeout(60_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield page
    visitor.close()
    assert errors == []
