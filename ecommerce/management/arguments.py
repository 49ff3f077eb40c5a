"""Types of arguments that several commands take."""

from argparse import ArgumentTypeError
from datetime import datetime

from ecommerce import identity
from ecommerce.ages import time_since

TIMES = "a time (2026-01-31T12:00, UTC) or an age (90s, 15m, 2h, 7d)"


def time(text: str) -> datetime:
    """The time that `time_since` reads in `text`. Raises `ArgumentTypeError`."""
    try:
        return time_since(text, now=identity.now())
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error
