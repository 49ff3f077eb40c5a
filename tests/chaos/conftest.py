"""The arena, the order of the scenarios, and the report at the end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local import places
from tests import settings
from tests.chaos import mode
from tests.chaos.arena import Arena
from tests.chaos.customers import PatientShop
from tests.chaos.report import Cell, summary, table
from tests.pipeline import URL
from tests.servers import Servers

CELLS = pytest.StashKey[list[Cell]]()
REPORT = places.VAR / "chaos" / "report.txt"


def pytest_report_header() -> str:
    return f"chaos: {'full' if mode.FULL else 'short'}, repeat it with CHAOS_SEED={mode.SEED}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The scenarios in an order that follows from the seed alone, those that need time to have passed at the end."""
    here = Path(__file__).parent
    slots = [index for index, item in enumerate(items) if item.path.is_relative_to(here)]
    chaos = sorted((items[index] for index in slots), key=lambda item: item.nodeid)
    mode.chance("order").shuffle(chaos)
    chaos.sort(key=lambda item: item.get_closest_marker("last") is not None)
    for index, item in zip(slots, chaos, strict=True):
        items[index] = item


@pytest.fixture(scope="module")
def arena(
    request: pytest.FixtureRequest, servers: Servers, schema: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arena]:
    arena = Arena(servers, PatientShop(URL, mode.chance("customers")), tmp_path_factory.mktemp("chaos"))
    request.config.stash[CELLS] = arena.cells
    try:
        arena.start()
        yield arena
    finally:
        arena.stop()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The table, here and in var/chaos/report.txt."""
    cells = config.stash.get(CELLS, [])
    if not cells:
        return
    lines = [*table(cells, mode.SEED), "", *summary(cells)]
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    with REPORT.open("w" if settings.NODES == 1 else "a") as file:  # the clusters' run comes second
        file.write("\n".join(lines) + "\n\n")
    terminalreporter.section("chaos")
    for line in lines:
        terminalreporter.write_line(line)
