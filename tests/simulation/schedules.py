"""Schedules: lists of numbers, each one step of a world. Made from a seed, and cut down to what matters."""

import random
from collections.abc import Callable

Schedule = list[int]

_BITS = 60
_LONGEST = 250
_SHORTEST = 10


class Choice:
    """A number as a sequence of small choices. 0 chooses the first of everything, for ever: the quietest step."""

    def __init__(self, number: int) -> None:
        self._number = number

    def below(self, limit: int) -> int:
        """The next choice, from 0 to `limit` - 1."""
        self._number, chosen = divmod(self._number, limit)
        return chosen


def from_seed(seed: int) -> Schedule:
    """The schedule of a seed: the same on every machine."""
    chance = random.Random(seed)
    return [chance.getrandbits(_BITS) for _ in range(chance.randint(_SHORTEST, _LONGEST))]


def shrink(schedule: Schedule, fails: Callable[[Schedule], bool]) -> Schedule:
    """A shorter, quieter schedule that still fails: steps are dropped in ever smaller pieces, then made plainer.

    The first part is Zeller and Hildebrandt's delta debugging ("Simplifying and isolating failure-inducing input").
    """
    before: Schedule = []
    while before != schedule:
        before = schedule
        schedule = _plainer(_fewer(schedule, fails), fails)
    return schedule


def _fewer(schedule: Schedule, fails: Callable[[Schedule], bool]) -> Schedule:
    size = max(1, len(schedule) // 2)
    while True:
        start = 0
        while start < len(schedule):
            shorter = schedule[:start] + schedule[start + size :]
            if fails(shorter):
                schedule = shorter
            else:
                start += size
        if size == 1:
            return schedule
        size //= 2


def _plainer(schedule: Schedule, fails: Callable[[Schedule], bool]) -> Schedule:
    for index, number in enumerate(schedule):
        for bits in (0, 6, 12, 24):
            plainer = [*schedule[:index], number % 2**bits, *schedule[index + 1 :]]
            if plainer[index] < number and fails(plainer):
                schedule = plainer
                break
    return schedule
