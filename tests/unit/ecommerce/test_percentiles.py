"""A percentile is by nearest rank."""

import math

import pytest

from ecommerce.percentiles import percentile


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert [percentile(values, each) for each in (0, 50, 95, 99, 100)] == [1.0, 50.0, 95.0, 99.0, 100.0]


@pytest.mark.parametrize(("values", "median"), [([7.0], 7.0), ([2.0, 1.0], 1.0), ([3.0, 1.0, 2.0], 2.0)])
def test_so_is_that_of_few(values: list[float], median: float) -> None:
    assert percentile(values, 50) == median


def test_of_nothing_there_is_none() -> None:
    assert math.isnan(percentile([], 50))
