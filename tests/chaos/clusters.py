"""Three brokers and three MongoDB nodes, of which some step down, die or freeze: TEST_NODES=3 makes them."""

import time
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Any

from pymongo import MongoClient
from pymongo.errors import AutoReconnect

from ecommerce import kafka
from ecommerce.registry import engine
from tests.chaos.arena import Arena
from tests.chaos.customers import Load
from tests.chaos.scenario import Harm, Scenario
from tests.servers import RunningServer
from tests.waiting import until


def _leader(arena: Arena, chance: Random) -> RunningServer:
    """The broker that leads one of the orders' partitions."""
    partitions = kafka.admin().list_topics("orders.events", timeout=20).topics["orders.events"].partitions
    return arena.servers.kafkas[partitions[chance.randrange(len(partitions))].leader - 1]


def _primary(arena: Arena) -> RunningServer:
    client = engine("orders").database.client
    until("a primary", lambda: client.primary is not None, seconds=60)
    return next(node for node in arena.servers.mongos if node.server.port == client.primary[1])


def _whole(arena: Arena) -> None:
    """Returns when every node serves and every partition has all its copies."""
    nodes = [*arena.servers.mongos, *arena.servers.kafkas]
    for node in nodes:
        node.launch()
    for node in nodes:
        node.wait_ready()
    admin = kafka.admin()

    def in_sync() -> bool:
        topics = admin.list_topics(timeout=10).topics.values()
        return all(len(each.isrs) == len(each.replicas) for topic in topics for each in topic.partitions.values())

    until("every partition to have all its copies", in_sync, seconds=120)


def _others(nodes: Sequence[RunningServer], one: RunningServer) -> list[RunningServer]:
    return [node for node in nodes if node is not one]


def _leader_and_another_lost(arena: Arena, load: Load, chance: Random) -> str:
    first = _leader(arena, chance)
    second = chance.choice(_others(arena.servers.kafkas, first))
    load.wave()
    time.sleep(chance.uniform(0.2, 2))
    first.kill()
    load.wave()
    time.sleep(chance.uniform(3, 6))
    second.kill()  # too few copies are left: nothing is acknowledged from here on
    load.wave()
    time.sleep(chance.uniform(4, 8))
    _whole(arena)
    return f"SIGKILL of {first.log.stem} and then {second.log.stem}"


def _broker_frozen(arena: Arena, load: Load, chance: Random) -> str:
    broker, away = _leader(arena, chance), chance.uniform(10, 15)
    load.wave()
    broker.pause()
    try:
        load.wave()
        time.sleep(away)
    finally:
        broker.resume()
    _whole(arena)
    return f"SIGSTOP of {broker.log.stem} for {away:.0f} s"


def _step_downs(arena: Arena, load: Load, chance: Random) -> str:
    for _ in range(4):
        load.wave()
        time.sleep(chance.uniform(0.2, 2))
        _step_down(_primary(arena))
        time.sleep(chance.uniform(0.5, 3))
    _whole(arena)
    return "replSetStepDown, 4 times"


def _step_down(primary: RunningServer) -> None:
    client: MongoClient[dict[str, Any]] = MongoClient("127.0.0.1", primary.server.port, directConnection=True)
    with client, suppress(AutoReconnect):  # it hangs up on those who are connected
        client.admin.command("replSetStepDown", 5, secondaryCatchUpPeriodSecs=3)


def _primary_killed(arena: Arena, load: Load, chance: Random) -> str:
    load.wave()
    time.sleep(chance.uniform(0.2, 2))
    primary, away = _primary(arena), chance.uniform(12, 18)
    primary.kill()
    load.wave()
    time.sleep(away)  # longer than an election
    load.wave()
    _whole(arena)
    return f"SIGKILL of {primary.log.stem} for {away:.0f} s"


def _primary_frozen(arena: Arena, load: Load, chance: Random) -> str:
    load.wave()
    time.sleep(chance.uniform(0.2, 2))
    primary, away = _primary(arena), chance.uniform(20, 25)
    primary.pause()
    try:
        load.wave()
        time.sleep(away)  # it wakes up and still thinks that it is the one
        load.wave()
    finally:
        primary.resume()
    _whole(arena)
    return f"SIGSTOP of {primary.log.stem} for {away:.0f} s"


def _majority_lost(arena: Arena, load: Load, chance: Random) -> str:
    load.wave()
    time.sleep(chance.uniform(0.2, 2))
    primary, away = _primary(arena), chance.uniform(8, 12)
    other = chance.choice(_others(arena.servers.mongos, primary))
    primary.kill()
    other.kill()
    load.wave()
    time.sleep(away)
    _whole(arena)
    return f"SIGKILL of {primary.log.stem} and {other.log.stem} for {away:.0f} s"


def _both(arena: Arena, load: Load, chance: Random) -> str:
    load.wave()
    time.sleep(chance.uniform(0.2, 2))
    leader, primary = _leader(arena, chance), _primary(arena)
    leader.kill()
    primary.kill()
    load.wave()
    time.sleep(chance.uniform(10, 15))
    _whole(arena)
    return f"SIGKILL of {leader.log.stem} and {primary.log.stem}"


_HARMS: dict[str, Harm] = {
    "a partition's leader and then another broker lost": _leader_and_another_lost,
    "a partition's leader frozen": _broker_frozen,
    "MongoDB's primary steps down": _step_downs,
    "MongoDB's primary killed": _primary_killed,
    "MongoDB's primary frozen": _primary_frozen,
    "MongoDB's majority lost": _majority_lost,
    "a partition's leader and MongoDB's primary killed": _both,
}
SCENARIOS = [Scenario(name=name, harm=harm) for name, harm in _HARMS.items()]
