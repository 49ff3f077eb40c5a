"""Typed values out of JSON and documents, by msgspec, from any thread.

msgspec (0.22) builds what it knows of a type when that is first read, and lets other threads see it half built: their
process dies of a segmentation fault. So types are built here, one at a time, and only then used.
"""

import threading
from typing import Any, TypeVar, cast

import msgspec

T = TypeVar("T")

_lock = threading.Lock()
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """The decoder of JSON for values of this type: one for the whole process."""
    found = _decoders.get(kind)
    if found is None:
        with _lock:
            found = _decoders.setdefault(kind, msgspec.json.Decoder(kind))
    return cast("msgspec.json.Decoder[T]", found)


def decode(data: bytes | str, kind: type[T]) -> T:
    """The value that JSON holds. Raises `msgspec.DecodeError`, or `msgspec.ValidationError`, which is one."""
    return decoder(kind).decode(data)


def convert(value: Any, kind: type[T], *, strict: bool = True) -> T:
    """The value that dicts and lists hold. Raises `msgspec.ValidationError`."""
    decoder(kind)  # it builds the type
    return msgspec.convert(value, kind, strict=strict)
