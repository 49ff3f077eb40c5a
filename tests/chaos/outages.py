"""What happens to processes and servers from outside: killed, frozen, flushed, doubled, absent, reshuffled."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from random import Random

import redis

from ecommerce import kafka
from ecommerce.environment import SERVICES
from tests.chaos.arena import Arena
from tests.chaos.customers import Load
from tests.chaos.scenario import Harm, Scenario
from tests.pipeline import ASKING
from tests.servers import RunningServer
from tests.waiting import until

CONSUMERS = [f"consumer-{service}" for service in SERVICES]
WORKERS = ["worker", *(f"worker-{service}" for service in ASKING)]
PROCESSES = ["web", *CONSUMERS, "live", *WORKERS, "relay", "beat", "gateway", "carrier"]
SERVERS = ["mongo", "kafka", "redis"]
_POLL_INTERVAL = 30.0  # seconds that a group waits for a member to poll

Victim = Callable[[Arena], RunningServer]


def _process(name: str) -> Victim:
    return lambda arena: arena.processes[name]


def _server(name: str) -> Victim:
    return lambda arena: getattr(arena.servers, name)  # type: ignore[no-any-return]


def killed(find: Victim) -> Harm:
    """SIGKILL at a random moment of a wave; another wave meets its absence."""

    def harm(arena: Arena, load: Load, chance: Random) -> str:
        victim, after, away = find(arena), chance.uniform(0.2, 3), chance.uniform(0.5, 3)
        load.wave()
        time.sleep(after)
        victim.kill()
        load.wave()
        time.sleep(away)
        victim.start()
        return f"SIGKILL after {after:.1f} s, for {away:.1f} s"

    return harm


def frozen(find: Victim) -> Harm:
    """SIGSTOP at a random moment of a wave, for longer than a lease lasts; another wave meets its silence."""

    def harm(arena: Arena, load: Load, chance: Random) -> str:
        victim, after, away = find(arena), chance.uniform(0.2, 2), chance.uniform(6, 10)
        load.wave()
        time.sleep(after)
        victim.pause()
        try:
            load.wave()
            time.sleep(away)
        finally:
            victim.resume()
        return f"SIGSTOP after {after:.1f} s, for {away:.1f} s"

    return harm


def _relay_killed_with_its_hands_full(arena: Arena, load: Load, chance: Random) -> str:
    """What it has sent has reached nobody, and is in its memory alone."""
    kafka_server, relay, away = arena.servers.kafka, arena.processes["relay"], chance.uniform(1, 3)
    kafka_server.pause()
    try:
        load.wave()
        time.sleep(2 + away)
        relay.kill()
    finally:
        kafka_server.resume()
    relay.start()
    return f"SIGKILL of the relay with Kafka frozen for {2 + away:.1f} s"


def _each_killed(arena: Arena, load: Load, chance: Random) -> str:
    names = chance.sample(PROCESSES, len(PROCESSES))
    load.wave()
    for name in names:
        arena.processes[name].kill()
        time.sleep(chance.uniform(0.1, 1))
        arena.processes[name].start()
    load.wave()
    return f"SIGKILL of {', '.join(names)}"


def _redis_flushed(arena: Arena, load: Load, chance: Random) -> str:
    client = redis.Redis.from_url(arena.servers.redis.url)
    load.wave()
    for _ in range(5):
        time.sleep(chance.uniform(0.1, 1))
        client.flushall()
    load.wave()
    return "FLUSHALL, 5 times"


def _two_beats(arena: Arena, load: Load, chance: Random) -> str:
    with arena.another("beat") as second:
        second.start()
        for _ in range(3):
            load.wave()
            time.sleep(chance.uniform(2, 4))
    return "a second beat all the time"


def _two_relays(arena: Arena, load: Load, chance: Random) -> str:
    first = arena.processes["relay"]
    with arena.another("relay") as second:
        second.start()
        for _ in range(2):
            load.wave()
            time.sleep(chance.uniform(0.2, 2))
            first.pause()
            try:
                load.wave()
                time.sleep(chance.uniform(7, 9))  # the lease is the second one's by then
            finally:
                first.resume()
    return "SIGSTOP of the first for longer than its lease, twice"


def _no_beat(arena: Arena, load: Load, chance: Random) -> str:
    beat, away = arena.processes["beat"], chance.uniform(10, 15)
    load.wave()
    beat.kill()
    arena.processes["relay"].kill()  # its shift went on
    arena.processes["relay"].start()
    load.wave()
    time.sleep(away)
    beat.start()
    return f"no beat, and so no relay, for {away:.1f} s"


def _past_its_poll_interval(service: str) -> Harm:
    def harm(arena: Arena, load: Load, chance: Random) -> str:
        first, away = arena.processes[f"consumer-{service}"], _POLL_INTERVAL + chance.uniform(8, 12)
        with arena.another(f"consumer-{service}") as second:
            second.start()
            until("two members", lambda: _members(service) == 2, seconds=90)
            load.wave()
            time.sleep(chance.uniform(0.2, 1))
            first.pause()
            try:
                load.wave()
                time.sleep(away)
                load.wave()
            finally:
                first.resume()
            until("two members again", lambda: _members(service) == 2, seconds=90)
        return f"SIGSTOP of one of two consumers for {away:.0f} s"

    return harm


def _members(group: str) -> int:
    admin = kafka.admin()
    found = admin.describe_consumer_groups([group])[group].result(20)
    return len(found.members)


def _rebalance_storm(arena: Arena, load: Load, chance: Random) -> str:
    services, said = ("orders", "payments", "shipping"), []
    with ExitStack() as others:
        crowd = [others.enter_context(arena.another(f"consumer-{each}")) for each in services]
        for _ in range(8):
            load.wave()
            one = chance.choice(crowd)
            deed = chance.choice([one.stop, one.kill]) if one.running else one.launch
            deed()
            said.append(f"{one.server.name} {deed.__name__}")  # type: ignore[attr-defined]
            time.sleep(chance.uniform(0.5, 3))
    return ", ".join(said)


SCENARIOS = [
    Scenario(name="each process killed, one after the other", harm=_each_killed, short=True),
    *(Scenario(name=f"{name} killed", harm=killed(_process(name))) for name in PROCESSES),
    *(Scenario(name=f"{name} frozen", harm=frozen(_process(name))) for name in PROCESSES),
    *(Scenario(name=f"{name} killed", harm=killed(_server(name))) for name in SERVERS),
    *(Scenario(name=f"{name} frozen", harm=frozen(_server(name))) for name in SERVERS),
    Scenario(name="relay killed while kafka is frozen", harm=_relay_killed_with_its_hands_full, short=True),
    Scenario(name="redis flushed", harm=_redis_flushed, short=True),
    Scenario(name="two beats", harm=_two_beats),
    Scenario(name="no beat", harm=_no_beat),
    Scenario(name="two relays, the first frozen", harm=_two_relays),
    *(
        Scenario(name=f"consumer of {service} frozen past its poll interval", harm=_past_its_poll_interval(service))
        for service in ("orders", "payments")
    ),
    Scenario(name="rebalance storm", harm=_rebalance_storm),
]
