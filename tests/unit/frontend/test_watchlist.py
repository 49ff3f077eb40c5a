"""An order is looked at until orders has taken what was seen of it, and what is counted is of the last moments."""

from itertools import pairwise

import pytest

from frontend import watchlist
from frontend.rates import Rates
from frontend.watchlist import UNREADABLE, Watchlist


def looks(watched: Watchlist, until: float) -> list[float]:
    """When the order is looked at, if orders takes nothing."""
    found, now = [], 0.0
    while now < until:
        if watched.due(now, most=10):
            found.append(round(now, 2))
            watched.looked("o1", (), held=False, now=now)
        now += 0.01
    return found


def test_an_order_whose_events_are_taken_is_looked_at_once() -> None:
    watched = Watchlist()
    watched.touch("o1", "e1", 0.0)
    watched.touch("o1", "e2", 0.0)
    watched.looked("o1", ["e1", "e2"], held=False, now=0.0)
    assert len(watched) == 0


def test_an_event_of_orders_has_it_looked_at_now_and_one_of_others_when_orders_will_have_taken_it() -> None:
    watched = Watchlist()
    watched.touch("o1", "e1", 0.0)
    watched.touch("o1", "e2", 0.04)
    assert watched.due(0.04, most=10) == {}
    assert list(watched.due(0.05, most=10)) == ["o1"]  # not later for the second event
    watched.touch("o2", "e1", 0.0)
    watched.touch("o2", None, 0.01)
    assert list(watched.due(0.01, most=10)) == ["o2"]
    watched.touch("o3", None, 1.0)
    assert set(watched.due(1.0, most=2)) == {"o2", "o3"}  # which has changed for certain


def test_of_more_than_can_be_looked_at_none_waits_for_ever() -> None:
    watched = Watchlist()
    for order in ("o1", "o2", "o3"):
        watched.touch(order, "e", 0.0)
    looked, now = set(), 0.05
    for _ in range(3):
        for order in watched.due(now, most=1):
            looked.add(order)
            now += 0.1  # by when the first would be due again
            watched.looked(order, (), held=False, now=now)
    assert looked == {"o1", "o2", "o3"}


def test_until_then_it_is_looked_at_again_after_pauses_that_grow() -> None:
    watched = Watchlist()
    watched.touch("o1", "e1", 0.0)
    pauses = [after - before for before, after in pairwise(looks(watched, 40.0))]
    assert pauses[:5] == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8], abs=0.03)
    assert max(pauses) == pytest.approx(5.0, abs=0.03)
    watched.touch("o1", "e2", 41.0)  # an event has it looked at soon
    assert list(watched.due(41.05, most=10)) == ["o1"]


def test_where_nobody_listens_orders_are_looked_at_late_and_at_once_when_somebody_does() -> None:
    watched = Watchlist()
    watched.relax()
    watched.touch("o1", "e1", 0.0)
    assert watched.due(2.9, most=10) == {}
    assert list(watched.due(3.0, most=10)) == ["o1"]
    watched.looked("o1", (), held=False, now=3.0)
    assert watched.due(5.9, most=10) == {}
    watched.hurry(4.0)
    assert list(watched.due(4.0, most=10)) == ["o1"]
    watched.touch("o2", "e1", 4.0)
    assert set(watched.due(4.05, most=10)) == {"o1", "o2"}


def test_an_order_behind_a_dead_letter_is_watched_until_that_is_done_with() -> None:
    watched = Watchlist()
    watched.touch("o1", UNREADABLE, 0.0)
    watched.looked("o1", (), held=False, now=0.0)  # orders has not set it aside yet
    assert len(watched) == 1
    watched.looked("o1", (), held=True, now=1.0)
    assert len(watched) == 1
    watched.looked("o1", (), held=False, now=2.0)
    assert len(watched) == 0


def test_so_many_are_watched_and_the_longest_waiting_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchlist, "MOST", 2)
    watched = Watchlist()
    for order in ("o1", "o2", "o3"):
        watched.touch(order, "e", 0.0)
    assert (list(watched.due(0.05, most=10)), watched.given_up) == (["o2", "o3"], 1)
    assert list(watched.due(0.05, most=1)) == ["o2"]


def test_rates_are_of_the_last_ten_whole_seconds() -> None:
    rates = Rates()
    for number in range(300):
        rates.count("placed", 100 + number / 10)  # ten a second, for 30 s
    assert rates.a_second(130.0) == {"placed": 10.0}
    assert rates.a_second(135.5) == {"placed": 5.0}
    assert rates.a_second(141.0) == {}


def test_latencies_are_of_the_last_minute_in_order() -> None:
    rates = Rates()
    for at, took in ((0.0, 9.0), (30.0, 3.0), (61.0, 1.0)):
        rates.took(took, at)
    assert rates.latencies(61.0) == [1.0, 3.0]
    assert rates.latencies(200.0) == []
