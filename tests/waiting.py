"""Waiting for what happens elsewhere: polled, with a deadline that only a failing test reaches."""

import time
from collections.abc import Callable
from contextlib import suppress

from deploy.local.servers import NotReady, poll

SECONDS = 40.0


def until(what: str, probe: Callable[[], bool], *, seconds: float = SECONDS) -> None:
    """Returns when `probe` gives true; fails naming `what` after `seconds`."""
    poll(what, probe, deadline=time.monotonic() + seconds, every=0.02)


def until_equal(expected: object, probe: Callable[[], object], *, seconds: float = SECONDS) -> None:
    """Returns when `probe` gives what is equal to `expected`; fails showing both after `seconds`."""
    last: object = None

    def equal() -> bool:
        nonlocal last
        last = probe()
        return last == expected

    with suppress(NotReady):
        until("what is expected", equal, seconds=seconds)
    assert last == expected, f"expected {expected}, last was {last}"
