"""When a consumer waits for more, and when it tells how far it has read."""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import pytest

from ecommerce.inputs import Position
from ecommerce.pace import Pace, Pending, core_seconds

A, B = Position("orders.events", 0), Position("orders.events", 1)


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock()
    with patch("ecommerce.pace.time", clock):
        yield clock


class Cores:
    """What the kernel says of this thread: that it runs, and waits for a core, for as long as it is told to."""

    def __init__(self) -> None:
        self.ran = self.waited = 0.0

    def seconds(self) -> tuple[float, float]:
        return self.ran, self.waited


@pytest.fixture
def cores() -> Iterator[Cores]:
    cores = Cores()
    with patch("ecommerce.pace.core_seconds", cores.seconds):
        yield cores


def after(cores: Cores, *, size: int, without_core: float, batches: int = 100, pace: Pace | None = None) -> float:
    """What it waits after `batches` of `size` messages, in that share of which it had no core."""
    pace = pace or Pace()
    for _ in range(batches):
        with pace.batch(size):
            cores.ran += 0.01 * (1 - without_core)
            cores.waited += 0.01 * without_core
    return pace.linger()


def test_at_first_it_waits_for_nothing() -> None:
    assert Pace().linger() == 0


def test_the_steps_of_a_lone_order_wait_for_nothing_however_scarce_cores_are(cores: Cores) -> None:
    assert after(cores, size=1, without_core=0.9) == 0


def test_where_there_are_cores_it_waits_for_nothing_however_much_comes(cores: Cores) -> None:
    assert after(cores, size=500, without_core=0.2) == 0


def test_the_scarcer_cores_are_the_longer_it_waits_but_never_long(cores: Cores) -> None:
    waits = [after(cores, size=10, without_core=share) for share in (0.35, 0.4, 0.5, 0.6, 0.7, 0.99)]
    assert waits[:5] == sorted(set(waits[:5]))
    assert waits[0] < 0.01
    assert waits[4] == waits[5] == pytest.approx(0.4)


def test_one_batch_says_little_and_some_say_all(cores: Cores) -> None:
    pace = Pace()
    after(cores, size=10, without_core=0.1, pace=pace)
    assert after(cores, size=10, without_core=0.9, batches=1, pace=pace) == 0
    assert after(cores, size=10, without_core=0.9, batches=15, pace=pace) == pytest.approx(0.4)
    assert after(cores, size=10, without_core=0.1, batches=15, pace=pace) == 0


def test_after_a_second_of_silence_there_is_no_crowd_any_more(cores: Cores, clock: Clock) -> None:
    pace = Pace()
    assert after(cores, size=1000, without_core=0.9, pace=pace) > 0
    clock.now += 0.05
    assert pace.linger() > 0
    clock.now += 1
    assert pace.linger() == 0
    assert after(cores, size=2, without_core=0.9, batches=1, pace=pace) == 0


def test_how_often_it_is_asked_changes_nothing(cores: Cores, clock: Clock) -> None:
    often, once = Pace(), Pace()
    for pace in (often, once):
        after(cores, size=10, without_core=0.9, pace=pace)
    for _ in range(30):  # as where what comes is passed over
        clock.now += 0.01
        often.linger()
    assert often.linger() == once.linger() > 0


def test_a_crowd_is_soon_forgotten(cores: Cores) -> None:
    pace = Pace()
    assert after(cores, size=1000, without_core=0.9, pace=pace) > 0
    assert after(cores, size=1, without_core=0.9, batches=8, pace=pace) == 0


def test_where_nobody_tells_it_waits_somewhat(cores: Cores) -> None:
    pace = Pace()
    for _ in range(20):
        with pace.batch(10):
            pass
    assert 0.05 < pace.linger() < 0.2


def test_it_says_how_long_a_batch_took(clock: Clock) -> None:
    pace = Pace()
    with pace.batch(1):
        clock.now += 3
    assert pace.took == 3


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux tells")
def test_the_kernel_tells_of_the_thread_that_asks() -> None:
    def work() -> float:
        ran, _ = core_seconds()
        until = time.thread_time() + 0.1
        while time.thread_time() < until:
            pass
        return core_seconds()[0] - ran

    ran, _ = core_seconds()
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(work).result() >= 0.05  # a tick of the kernel may not be counted yet
    assert core_seconds()[0] - ran < 0.05


def test_positions_are_told_at_once_and_then_after_a_while(clock: Clock) -> None:
    pending = Pending(1.0)
    pending.add({A: 1})
    first = pending.due()
    assert first == {A: 1}
    pending.drop(first)
    pending.add({A: 2, B: 7})
    assert pending.due() == {}
    clock.now += 1.0
    assert pending.due() == {A: 2, B: 7}


def test_what_is_also_told_is_not_pending_before_it_is_added(clock: Clock) -> None:
    pending = Pending(1.0)
    pending.add({A: 1})
    told = pending.due({A: 2, B: 1})
    assert told == {A: 2, B: 1}
    assert pending.due() == {A: 1}
    pending.add({A: 2, B: 1})
    pending.drop(told)
    assert pending.due(now=True) == {}


def test_positions_that_nobody_was_told_stay_due(clock: Clock) -> None:
    pending = Pending(1.0)
    pending.add({A: 1})
    told = pending.due()
    pending.add({A: 2, B: 1})  # while the first are being told
    pending.drop(told)
    assert pending.due(now=True) == {A: 2, B: 1}
    pending.drop({})
    assert pending.due(now=True) == {A: 2, B: 1}
