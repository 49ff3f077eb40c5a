"""Whatever is done to it, nothing is lost and nothing done twice: each scenario under a load of every branch."""

import time

import pytest

from tests import settings
from tests.chaos import clusters, kill_points, messages, outages, poison
from tests.chaos.arena import DEADLINE_SECONDS, Arena
from tests.chaos.customers import SILENT, fates
from tests.chaos.mode import FULL, HEAL_SECONDS
from tests.chaos.report import Cell
from tests.chaos.scenario import Scenario
from tests.system.watching import audited
from tests.waiting import until

ON_ONE_NODE = (*kill_points.SCENARIOS, *outages.SCENARIOS, *messages.SCENARIOS, *poison.SCENARIOS)
SCENARIOS = [each for each in (ON_ONE_NODE if settings.NODES == 1 else clusters.SCENARIOS) if FULL or each.short]


def _parameter(scenario: Scenario) -> object:
    return pytest.param(scenario, id=scenario.name, marks=[pytest.mark.last] if scenario.last else [])


@pytest.mark.parametrize("scenario", [_parameter(each) for each in SCENARIOS])
def test_orders_end_as_they_should_after(scenario: Scenario, arena: Arena) -> None:
    scenario.run(arena)


@pytest.mark.last
def test_orders_that_nothing_else_ends_have_ended_by_their_deadline(arena: Arena) -> None:
    silent, since = arena.silent, time.monotonic()
    assert silent
    until(
        "their deadlines",
        lambda: set(fates(silent).values()) <= set(SILENT.expected),
        seconds=DEADLINE_SECONDS + HEAL_SECONDS,
    )
    audited()
    took = max(0.0, time.monotonic() - since - DEADLINE_SECONDS)
    arena.cells.append(
        Cell(scenario="all", branch=SILENT.name, harm="all of it", orders=len(silent), seconds=took, audit="clean")
    )
