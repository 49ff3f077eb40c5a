"""A scenario: what is done to the pipeline while customers order, and what must hold afterwards."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import msgspec
import pytest

from ecommerce import storage
from ecommerce.demo import Placed
from ecommerce.environment import SERVICES
from ecommerce.messages import Command
from ecommerce.registry import engine
from tests.chaos.arena import Arena
from tests.chaos.customers import Load, fates
from tests.chaos.mode import FULL, HEAL_SECONDS, PATIENCE_SECONDS, chance
from tests.chaos.report import Cell
from tests.system.watching import audited

Harm = Callable[[Arena, Load, Random], str]
_SILENT_WHEN_SHORT = 2  # scenarios, so that the run need not wait long for their deadlines at its end


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """`harm` sends customers, does its worst, heals it and gives what it did; it returns when all is healed."""

    name: str
    harm: Harm
    short: bool = False  # whether the short run has it too
    last: bool = False  # it needs orders whose deadline comes

    def run(self, arena: Arena) -> None:
        """Fails if an order is lost or ends otherwise than it should, if it takes too long, or the audit objects."""
        arena.heal()
        load = Load(arena.shop, chance(self.name), silent=FULL or len(arena.silent) < _SILENT_WHEN_SHORT)
        try:
            harm = self.harm(arena, load, chance(f"{self.name}: harm"))
            healed = time.monotonic()
            load.finish()
            seconds = _ended(load.placed, since=healed)
        finally:
            load.give_up()
            arena.silent += load.silent
        audited()
        assert _taken_again(load.placed) == []
        for branch, took in seconds.items():
            orders = sum(one.branch.name == branch for one in load.placed)
            arena.cells.append(
                Cell(scenario=self.name, branch=branch, harm=harm, orders=orders, seconds=took, audit="clean")
            )
        if FULL:
            assert max(seconds.values()) <= HEAL_SECONDS, f"slow to end after {harm}: {seconds}"


def _taken_again(placed: list[Placed]) -> list[tuple[str, str]]:
    """The orders, with the service, in whose log something is twice, whatever id it was filed under."""
    logs = [(service, one.order_id) for service in SERVICES for one in placed]
    return [(service, order_id) for service, order_id in logs if _has_repeats(service, order_id)]


def _has_repeats(service: str, order_id: str) -> bool:
    """People may ask for the same thing again. Facts, intents, answers and deadlines come once in an order's life."""
    entries = storage.history(engine(service).database, order_id)
    kinds = engine(service).service.kinds
    what = Counter(
        msgspec.json.decode(entry["data"])["eventId"] if issubclass(kinds[entry["type"]], Command) else entry["type"]
        for entry in entries
    )
    return what.total() > len(what)


def _ended(placed: list[Placed], *, since: float) -> dict[str, float]:
    """Waits until each order has ended as its branch says. Gives the seconds by branch, from `since`."""
    seconds = {one.branch.name: 0.0 for one in placed}
    waiting = list(placed)
    while waiting:
        found, took = fates(waiting), time.monotonic() - since
        for one in waiting:
            if found[one.order_id] in one.branch.expected:
                seconds[one.branch.name] = took
        waiting = [one for one in waiting if found[one.order_id] not in one.branch.expected]
        if waiting and took > PATIENCE_SECONDS:
            left = [(one.branch.name, one.order_id, found[one.order_id] or "not ended") for one in waiting]
            pytest.fail(f"{len(left)} orders are not as they should be: {left[:20]}")
        time.sleep(0.1)
    return seconds
