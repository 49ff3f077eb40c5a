"""An armed process dies where it is told to, once; any other goes on."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ecommerce import killpoints
from ecommerce.killpoints import Place


def times_reached(spec: str, labels: Callable[[], Any] = tuple, **armed: Any) -> int:
    """How often a process that is armed with `spec` comes past the place, of three times, before it is killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        killpoints.arm(spec, **{"after": 1, "file": ""} | armed)
        for _ in range(3):
            killpoints.reached(Place.RELAY_AFTER_SEND, labels())
            os.write(writing, b".")
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        reached = len(pipe.read())
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == (0 if reached == 3 else -signal.SIGKILL)
    return reached


def test_it_dies_at_its_place_and_nowhere_else() -> None:
    assert times_reached("relay.after-send") == 0
    assert times_reached("relay.amid-scan") == 3
    assert times_reached("") == 3


def test_it_dies_only_where_all_its_labels_are() -> None:
    def labels() -> Iterator[str]:
        yield from ("payments", "PaymentVoided")

    assert times_reached("relay.after-send:payments:PaymentVoided", labels) == 0
    assert times_reached("relay.after-send:payments:PaymentFailed", labels) == 3
    assert times_reached("relay.after-send:payments") == 3


def test_it_dies_the_time_it_is_told_to() -> None:
    assert [times_reached("relay.after-send", after=number) for number in (1, 2, 3, 4)] == [0, 1, 2, 3]


def test_with_a_file_it_dies_once_however_often_it_is_started(tmp_path: Path) -> None:
    file = tmp_path / "fired"
    assert times_reached("relay.after-send", file=str(file), after=2) == 1
    assert file.exists()
    assert times_reached("relay.after-send", file=str(file), after=2) == 3


def test_there_must_be_such_a_place() -> None:
    with pytest.raises(ValueError, match="somewhere"):
        killpoints.arm("relay.somewhere", after=1, file="")
