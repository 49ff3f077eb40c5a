"""Whether what one schema describes can be read by what was made for another. Pure.

A reader ignores fields that it does not know; it needs those that it requires, of the type that it knows. So the one
question `unreadable(written, read_as)` answers both: old data and a new reader (backward), new data and an old one
(forward).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ecommerce.contracts.schemas import Schema, resolved

# The bound, whether the reader's must be at most the writer's, and what it is without one.
_BOUNDS = {
    "minimum": (True, float("-inf")),
    "exclusiveMinimum": (True, float("-inf")),
    "minLength": (True, 0),
    "minItems": (True, 0),
    "maximum": (False, float("inf")),
    "exclusiveMaximum": (False, float("inf")),
    "maxLength": (False, float("inf")),
    "maxItems": (False, float("inf")),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A place (`payload.items[].sku`) of which a reader could meet something that it cannot take."""

    field: str
    why: str

    def __str__(self) -> str:
        return f"{self.field}: {self.why}"


def unreadable(written: Schema, read_as: Schema) -> list[Difference]:
    """What of the messages that `written` allows a reader of `read_as` cannot take; nothing if it can take all."""
    return list(_Pair(written, read_as).differences(written, read_as, ""))


@dataclass(frozen=True, slots=True)
class _Pair:
    """The documents in which the references of either side are."""

    written: Schema
    read_as: Schema

    def differences(self, written: Schema, reader: Schema, field: str) -> Iterator[Difference]:
        written, reader = resolved(written, self.written), resolved(reader, self.read_as)
        if "anyOf" in written or "anyOf" in reader:
            yield from self._alternatives(written, reader, field)
        elif values := _values(reader):
            surplus = [each for each in _values(written) if each not in values]
            if surplus or not _values(written):
                said = ", ".join(map(repr, surplus)) or f"any {written.get('type', 'value')}"
                yield Difference(field, f"may be {said}, which is none of {', '.join(map(repr, values))}")
        elif not _values(written) and not _is_kind_of(written.get("type"), reader.get("type")):
            yield Difference(field, f"is of type {written.get('type')}, not {reader.get('type')}")
        elif _values(written):
            if reader.get("type") not in (None, _type_of(_values(written)[0])):
                yield Difference(field, f"is of type {_type_of(_values(written)[0])}, not {reader['type']}")
        else:
            yield from _bounds(written, reader, field)
            yield from self._parts(written, reader, field)

    def _alternatives(self, written: Schema, reader: Schema, field: str) -> Iterator[Difference]:
        choices = reader.get("anyOf", [reader])
        for each in written.get("anyOf", [written]):
            found = [list(self.differences(each, choice, field)) for choice in choices]
            if all(found):  # none of the reader's alternatives takes it: the nearest one says why
                yield from min(found, key=len)

    def _parts(self, written: Schema, reader: Schema, field: str) -> Iterator[Difference]:
        if "items" in reader:
            yield from self.differences(written.get("items", {}), reader["items"], f"{field}[]")
        if isinstance(reader.get("additionalProperties"), dict):
            values = written.get("additionalProperties", {})
            yield from self.differences(values, reader["additionalProperties"], f"{field}{{}}")
        there, needed = written.get("properties", {}), reader.get("required", [])
        for name, part in reader.get("properties", {}).items():
            place = f"{field}.{name}" if field else name
            if name in needed and name not in written.get("required", []):
                yield Difference(
                    place, "is required, and may be missing" if name in there else "is required, and not there"
                )
            elif name in there:
                yield from self.differences(there[name], part, place)


def _values(schema: Schema) -> list[object]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", []))


def _type_of(value: object) -> str:
    return {str: "string", bool: "boolean", int: "integer", float: "number"}.get(type(value), "null")


def _is_kind_of(written: object, reader: object) -> bool:
    return reader is None or written == reader or (written, reader) == ("integer", "number")


def _bounds(written: Schema, reader: Schema, field: str) -> Iterator[Difference]:
    for name, (at_most, otherwise) in _BOUNDS.items():
        theirs, ours = written.get(name, otherwise), reader.get(name, otherwise)
        if ours > theirs if at_most else ours < theirs:
            yield Difference(field, f"has {name} {theirs}, not {ours}")
    for name in ("pattern", "format"):
        if name in reader and written.get(name) != reader[name]:
            yield Difference(field, f"has {name} {written.get(name)}, not {reader[name]}")
