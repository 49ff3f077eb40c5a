"""How long a consumer waits for more than the message that is there."""

import pytest

from ecommerce import pace
from ecommerce.pace import Pace


class Clock:
    """Seconds, as the test says."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    return clock


def after(clock: Clock, *, size: int, took: float, idle: float = 0.0) -> float:
    """What it waits after a batch, when the next message comes `idle` seconds later."""
    own = Pace()
    with own.batch(size):
        clock.now += took
    clock.now += idle
    return own.linger()


def test_at_first_it_waits_for_nothing(clock: Clock) -> None:
    assert Pace().linger() == 0


def test_the_steps_of_a_lone_order_wait_for_nothing(clock: Clock) -> None:
    assert after(clock, size=1, took=0.01) == 0


def test_when_messages_come_faster_than_they_are_taken_it_waits_twice_as_long_as_they_took(clock: Clock) -> None:
    assert after(clock, size=2, took=0.01) == pytest.approx(0.02)


def test_it_waits_no_longer_than_the_limit(clock: Clock) -> None:
    assert after(clock, size=500, took=3.0) == pytest.approx(0.1)


def test_who_has_had_time_to_idle_waits_for_nothing(clock: Clock) -> None:
    assert after(clock, size=2, took=0.01, idle=0.011) == 0
