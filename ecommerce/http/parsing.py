"""Strict JSON in: what is not plainly right is a 400 that says where."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import IO, Any, NoReturn

from django.utils.dateparse import parse_datetime
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

MOST_BYTES = 1_000_000
_DEEPEST = 20
_INT64 = 2**63
_CONTROL = r"\u0000-\u001f\u007f-\u009f"
_PLAIN = f"[^{_CONTROL}]"
_CONTROLS = re.compile(f"[{_CONTROL}]")


class TooLong(Exception):
    """A body above `MOST_BYTES`."""


class StrictJSONParser(BaseParser):
    """Refuses duplicate keys, NaN, lone surrogates, deep nesting and numbers that no database holds."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        return parse(_read(stream))


class BytesParser(BaseParser):
    """The body as it came, for what is signed: not a byte of it is to be trusted before."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        return _read(stream)


def _read(stream: IO[bytes]) -> bytes:
    data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise TooLong
    return data


def parse(data: bytes) -> Any:
    """The value of a JSON text. Raises `ParseError`."""
    if not data.strip():
        raise ParseError("the body is empty, JSON is expected")
    try:
        # Counted before parsing: deep nesting exhausts the parser's own stack.
        if max(data.count(b"["), data.count(b"{")) > _DEEPEST and _depth(data) > _DEEPEST:
            raise ParseError(f"nested more than {_DEEPEST} levels deep")
        value = json.loads(data, object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer)
        json.dumps(value, ensure_ascii=False).encode()  # fails on lone surrogates
    except UnicodeEncodeError as error:
        where = next(_with_surrogates(value), "")
        raise ParseError(f"{where}: a string holds a lone surrogate" if where else "a lone surrogate") from error
    except (ValueError, RecursionError) as error:
        raise ParseError(f"not valid JSON: {error}") from error
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {repeated!r} is there twice")
    return value


def _with_surrogates(value: Any, path: str = "") -> Iterator[str]:
    """Where the strings are that no UTF-8 can hold: "items[0].sku"."""
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        yield path.encode("ascii", "backslashreplace").decode()
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _with_surrogates(below, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name, below in value.items():
            there = f"{path}.{name}" if path else name
            yield from _with_surrogates(name, there)
            yield from _with_surrogates(below, there)


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _integer(text: str) -> int | float:
    # A number that no field takes; as a float it fails the field's own check, which names the field.
    return int(text) if len(text) < 20 and -_INT64 <= int(text) < _INT64 else float(text[:20])


def _depth(data: bytes) -> int:
    depth = deepest = 0
    in_string = escaped = False
    for byte in data:
        if in_string:
            in_string = escaped or byte != 0x22
            escaped = not escaped and byte == 0x5C
        elif byte == 0x22:
            in_string = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def time_of(text: str) -> datetime:
    """The time that an ISO 8601 text with a zone names, in UTC. Raises `ValueError`."""
    time = parse_datetime(text)
    if time is None or time.tzinfo is None:
        raise ValueError("no time with a zone")
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("before or after all time") from error


class StrictSerializer(serializers.Serializer[Any]):
    """Names every field that it does not know: a client that sets a price must hear that it cannot.

    An instance copies all its fields, which costs more than a validation. `run_validation` keeps nothing of what it is
    given, so one instance does for all requests.
    """

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [name for name in data if name not in self.fields]
            if unknown:
                raise serializers.ValidationError({name: ["is not a field of this request"] for name in unknown})
        return super().to_internal_value(data)


class WholeNumber(serializers.IntegerField):
    """A JSON integer, which 2.0 is too: no string, no fraction, no boolean, no exotic digits."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is int:
            return data
        if not isinstance(data, float) or not data.is_integer():
            self.fail("invalid")
        return int(data)


class Text(serializers.CharField):
    """A JSON string without control characters. White space around it does not count, unless it is too long with it."""

    default_error_messages = {"control": "Must not hold control characters."}  # noqa: RUF012

    @property
    def pattern(self) -> str:
        """What it takes, for the API's document."""
        return (
            f"^{_PLAIN}*$" if self.allow_blank or not self.trim_whitespace else rf"^{_PLAIN}*[^{_CONTROL}\s]{_PLAIN}*$"
        )

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        if _CONTROLS.search(data):
            self.fail("control")
        if self.max_length is not None and len(data) > self.max_length:
            raise serializers.ValidationError(f"Must have {self.max_length} characters at most.", code="max_length")
        return super().to_internal_value(data)
