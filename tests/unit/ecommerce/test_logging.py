"""The lines that are logged many at a time, and the ids on the others."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from ecommerce.logging import Lines, configuration

ORDER = "0199c0de-0000-7000-8000-00000000abcd"


@pytest.fixture
def stdout() -> Iterator[io.StringIO]:
    """What a process of payments would write there."""
    given = dict(configuration("INFO", "payments")["formatters"]["json"])
    make = given.pop("()")
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(make(**given))
    logger = logging.getLogger("test_logging")
    logger.addHandler(handler)
    logger.setLevel("INFO")
    yield written
    logger.removeHandler(handler)


def logged(stdout: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.getvalue().splitlines()]


def test_many_lines_at_once_are_one_line_each_with_what_every_line_has(stdout: io.StringIO) -> None:
    Lines("test_logging").info({"event": "taken", "correlation_id": f'"{n}\n'} for n in range(3))
    found = logged(stdout)
    assert [line["correlation_id"] for line in found] == ['"0\n', '"1\n', '"2\n']
    for line in found:
        assert (line["event"], line["service"], line["logger"], line["level"]) == (
            "taken", "payments", "test_logging", "info"
        )  # fmt: skip
        assert line["timestamp"].endswith("Z")


def test_none_are_none_and_a_level_that_is_off_costs_nothing(stdout: io.StringIO) -> None:
    Lines("test_logging").info([])
    Lines("test_logging").log(logging.DEBUG, iter([{"event": "never"}]))
    assert logged(stdout) == []
    assert not Lines("test_logging").is_on(logging.DEBUG)


def test_a_line_about_an_order_has_the_orders_trace(stdout: io.StringIO) -> None:
    structlog.get_logger("test_logging").warning("parked", correlation_id=ORDER)
    (line,) = logged(stdout)
    assert line["trace_id"] == ORDER.replace("-", "")
