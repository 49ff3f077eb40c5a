"""Times as people type them."""

import re
from datetime import datetime, timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def time_since(text: str, *, now: datetime) -> datetime:
    """The time that `text` means: ISO 8601 (UTC unless it says otherwise), or an age such as 90s, 15m, 2h, 7d.

    Raises `ValueError` for anything else.
    """
    age = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if age:
        return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither a time (2026-01-31T12:00) nor an age (90s, 15m, 2h, 7d)") from None
    return time if time.tzinfo else time.replace(tzinfo=now.tzinfo)
