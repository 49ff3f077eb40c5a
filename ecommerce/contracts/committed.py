"""The contracts as files in the repository, and what must hold between them and the code."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ecommerce.contracts import asyncapi
from ecommerce.contracts.compatibility import unreadable
from ecommerce.contracts.schemas import Schema, events, schema_of
from ecommerce.http import openapi
from ecommerce.service import Service

_EVENTS = "events"


@dataclass(frozen=True, kw_only=True)
class Contract:
    """An event as the code has it; it can read what is of the versions in `upcasts` too."""

    version: str
    schema: Schema
    upcasts: frozenset[str]


Versions = dict[str, dict[str, Schema]]  # of each event type the schema by version


def files(services: list[Service]) -> dict[str, bytes]:
    """What the code says today, by path below the contracts' folder."""
    schemas = {f"{_EVENTS}/{kind.__name__}/{kind.version}.json": schema_of(kind) for kind in events(services)}
    documents = {"asyncapi.json": asyncapi.document(services), "openapi.json": openapi.document()}
    return {path: _encoded(each) for path, each in {**schemas, **documents}.items()}


def _encoded(document: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def versions(folder: Path) -> Versions:
    """The schemas that are committed."""
    found: Versions = {}
    for path in sorted((folder / _EVENTS).glob("*/*.json")):
        found.setdefault(path.parent.name, {})[path.stem] = msgspec.json.decode(path.read_bytes())
    return found


def today(services: list[Service]) -> dict[str, Contract]:
    """What the code has, by event type."""
    return {
        kind.__name__: Contract(version=kind.version, schema=schema_of(kind), upcasts=frozenset(kind.upcasts))
        for kind in events(services)
    }


def objections(now: Mapping[str, Contract], committed: Versions) -> Iterator[str]:
    """What today's events do to those who rely on a committed version, a sentence each."""
    for name, known in committed.items():
        if name not in now:
            yield f"{name} is gone: whoever takes it waits in vain. Publish it still, or take its schemas away with it"
            continue
        for version, schema in known.items():
            if version == now[name].version:
                yield from _changed(name, version, schema, now[name].schema)
            else:
                yield from _broken(name, version, schema, now[name])


def _changed(name: str, version: str, known: Schema, now: Schema) -> Iterator[str]:
    if _meaning(known) != _meaning(now):
        changes = dict.fromkeys([*unreadable(known, now), *unreadable(now, known)])
        said = "; ".join(map(str, changes)) or "a field that nobody needs"
        yield f"{name} {version} is published and has changed ({said}): give it a new version"


def _broken(name: str, version: str, known: Schema, now: Contract) -> Iterator[str]:
    major = version.partition(".")[0] == now.version.partition(".")[0]
    if version not in now.upcasts:
        if not major:
            yield f"{name} {now.version} has no upcast from {version}"
        else:
            for difference in unreadable(known, now.schema):
                yield f"{name} {now.version} cannot read {version}, and has no upcast from it: {difference}"
    if major:
        for difference in unreadable(now.schema, known):
            yield f"readers of {name} {version} cannot read {now.version}: {difference}"


def _meaning(schema: Any) -> Any:
    """The schema without its words."""
    if isinstance(schema, dict):
        words = ("title", "description") if "type" in schema or "enum" in schema else ()
        return {name: _meaning(each) for name, each in schema.items() if name not in words}
    return [_meaning(each) for each in schema] if isinstance(schema, list) else schema
