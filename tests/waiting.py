"""Waiting for what happens elsewhere: polled, with a deadline that only a failing test reaches."""

import time
from collections.abc import Callable

from deploy.local.servers import poll

SECONDS = 40.0


def until(what: str, probe: Callable[[], bool], *, seconds: float = SECONDS) -> None:
    """Returns when `probe` gives true; fails naming `what` after `seconds`."""
    poll(what, probe, deadline=time.monotonic() + seconds, every=0.02)
