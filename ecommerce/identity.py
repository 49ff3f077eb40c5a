"""Ids that a retry, a redelivery or a restored backup makes again: the same cause gives the same id."""

import hashlib
import re
import secrets
from datetime import UTC, datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """The current time in UTC, in whole milliseconds: what BSON and UUIDv7 can hold without loss."""
    time = datetime.now(UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def milliseconds(time: datetime) -> int:
    """Whole milliseconds since 1970 of an aware `time`, by integer arithmetic."""
    since = time - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def new_id() -> str:
    """A random, time-ordered id (UUIDv7, RFC 9562)."""
    return _uuid7(milliseconds(now()), secrets.token_hex(10))


def event_id(*, service: str, cause: str, event_type: str, index: int, at: datetime) -> str:
    """The id of the `index`-th event that `service` makes from the input with id `cause`.

    UUIDv7 layout: the input's time in the upper 48 bits, a hash of the cause in the rest. The service takes part, so
    that two services answering one input never collide.
    """
    digest = _digest(service, cause, event_type, str(index))
    return _uuid7(milliseconds(at), digest)


def derived_id(*parts: str) -> str:
    """An id that is a function of `parts` alone.

    If the last part is a UUIDv7 it is one of the same time, so that indexes grow at their end; else it has the layout
    of a UUIDv8 (RFC 9562).
    """
    if _is_uuid7(parts[-1]):
        return f"{parts[-1][:14]}{_uuid7(0, _digest(*parts))[14:]}"
    digest = _digest(*parts) + _digest("", *parts)
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-{_VARIANT[digest[16]]}{digest[17:20]}-{digest[20:32]}"


_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}


_is_uuid7 = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}").fullmatch


def _digest(*parts: str) -> str:
    # Lengths before contents: ("ab", "c") and ("a", "bc") are different causes.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def _uuid7(time: int, random: str) -> str:
    head = f"{time & (2**48 - 1):012x}"
    return f"{head[:8]}-{head[8:]}-7{random[:3]}-{_VARIANT[random[3]]}{random[4:7]}-{random[7:19]}"
