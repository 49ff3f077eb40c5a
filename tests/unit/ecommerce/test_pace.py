"""When a consumer waits for more, and when it tells how far it has read."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from ecommerce.inputs import Position
from ecommerce.pace import Pace, Pending

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


def after(clock: Clock, *, size: int, took: float, idle: float = 0.0) -> float:
    """What it waits after a batch of `size` messages, when the next one comes `idle` seconds later."""
    pace = Pace()
    with pace.batch(size):
        clock.now += took
    clock.now += idle
    return pace.linger()


def test_at_first_it_waits_for_nothing(clock: Clock) -> None:
    assert Pace().linger() == 0


def test_the_steps_of_a_lone_order_wait_for_nothing(clock: Clock) -> None:
    assert after(clock, size=1, took=0.01) == 0


@pytest.mark.parametrize(("size", "times"), [(2, 1), (4, 2), (8, 4), (500, 4)])
def test_where_messages_come_faster_than_they_are_taken_it_waits_the_longer_the_more_there_were(
    clock: Clock, size: int, times: float
) -> None:
    assert after(clock, size=size, took=0.01, idle=0.005) == pytest.approx(0.01 * times)


def test_it_never_waits_long(clock: Clock) -> None:
    assert after(clock, size=500, took=3.0) == pytest.approx(0.4)


def test_who_has_had_time_to_idle_waits_for_nothing(clock: Clock) -> None:
    assert after(clock, size=2, took=0.01, idle=0.011) == 0


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
