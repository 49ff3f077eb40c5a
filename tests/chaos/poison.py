"""One poisoned message among 1,000 orders: the others do not notice, and its own order ends after a replay."""

from dataclasses import replace
from io import StringIO
from random import Random

from django.core.management import call_command

from ecommerce.demo import Placed
from ecommerce.environment import SERVICES
from ecommerce.killpoints import Place
from ecommerce.registry import engine
from tests.chaos.arena import Arena
from tests.chaos.customers import ENDING, Load, fates
from tests.chaos.scenario import Scenario
from tests.load.running_pipeline import BATCH, order
from tests.poisoning import cut_short, failed, mend
from tests.processes import MANAGE, ProjectProcess
from tests.waiting import until

_ORDERS = 1000
_HEALTHY = replace(ENDING[0], name="999 beside a poisoned one")
_POISONED = replace(ENDING[0], name="the poisoned one, after its replay")


def _poison(arena: Arena, load: Load, chance: Random) -> str:
    relay = arena.processes["relay"]
    relay.stop()
    placed = _place()
    poisoned = chance.choice(placed)
    original = cut_short(poisoned)
    relay.start()
    healthy = [Placed(_HEALTHY, id) for id in placed if id != poisoned]
    load.placed += healthy
    until("the others to end", lambda: set(fates(healthy).values()) == {"COMPLETED"}, seconds=110)
    ids = failed(poisoned)
    assert sorted(id.partition(":")[0] for id in ids) == sorted(SERVICES), ids
    assert fates([Placed(_POISONED, poisoned)]) == {poisoned: ""}
    mend(ids, original, arena.folder)
    after = chance.randint(1, len(SERVICES))
    with arena.killing(_replay(poisoned), Place.REPLAY_AFTER_COMMIT, after=after) as replay:
        replay.process.launch()
        until("the replay to be killed", replay.has_gone_off, seconds=90)
    call_command("dlq", "replay", "--key", poisoned, stdout=StringIO())
    assert failed(poisoned) == []
    last = Placed(_POISONED, poisoned)
    load.placed.append(last)
    until("it to end too", lambda: fates([last]) == {poisoned: "COMPLETED"}, seconds=90)
    timeline = arena.shop.call("GET", f"orders/{poisoned}/timeline", user="staff")["events"]
    assert [timeline[index]["eventType"] for index in (0, -1)] == ["OrderCreated", "OrderCompleted"]
    return f"OrderCreated cut short; SIGKILL of its replay after {after} of {len(SERVICES)} services"


def _place() -> list[str]:
    """The ids of 1,000 orders, committed and in the outbox."""
    placed: list[str] = []
    for _ in range(_ORDERS // BATCH):
        outcomes = engine("orders").take([order(number) for number in range(BATCH)])
        placed += [outcome.input.key for outcome in outcomes]
    return placed


def _replay(order_id: str) -> ProjectProcess:
    return ProjectProcess(name="replay", arguments=[MANAGE, "dlq", "replay", "--key", order_id, "--no-canary"])


SCENARIOS = [Scenario(name="one poisoned message among 1,000 orders", harm=_poison, short=True)]
