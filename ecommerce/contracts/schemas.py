"""The JSON Schema of an event as it stands on its topic, made from its class, and an example of it."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ecommerce.messages import Envelope, Event
from ecommerce.service import Service

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DEFINITIONS = "#/$defs/"

# What a field of such a name holds, for examples that say something.
_EXAMPLES: Mapping[str, Any] = {
    "orderId": "0193e5c2-8f00-7a10-9c3b-5d1f0e6a7b2c",
    "correlationId": "0193e5c2-8f00-7a10-9c3b-5d1f0e6a7b2c",
    "eventId": "0193e5c2-8f4b-7d02-8e11-2f9a6c40b3d5",
    "causationId": "0193e5c2-8f32-74c9-b0a7-6c85d2e91f04",
    "customerId": "0193e000-1c00-7bb4-8a52-90d7c3f1e6a8",
    "timestamp": "2026-01-31T12:00:00.250000Z",
    "sku": "SKU-001",
    "name": "Espresso cup",
    "currency": "EUR",
    "carrier": "sandbox",
    "trackingNumber": "SBX0001",
    "address": "gAAAAABn",
    "paymentToken": "gAAAAABo",
    "keyId": "0193e000-1c00-7bb4-8a52-90d7c3f1e6a8:1",
    "reason": "CARD_DECLINED",
    "quantity": 2,
    "requested": 2,
    "available": 1,
    "unitPrice": 1250,
    "price": 1250,
    "amount": 2500,
    "totalAmount": 2500,
    "revision": 1,
}


def events(services: list[Service]) -> Iterator[type[Event]]:
    """Every kind of event that these services publish."""
    for service in services:
        yield from service.publishes


def schema_of(kind: type[Event]) -> Schema:
    """The schema of the whole message: envelope and payload."""
    schema = msgspec.json.schema(Envelope[kind])  # type: ignore[valid-type]
    definitions = schema["$defs"]
    envelope = definitions.pop(schema["$ref"].removeprefix(_DEFINITIONS))
    envelope["title"] = f"{kind.__name__} {kind.version}"
    envelope["description"] = definitions[kind.__name__]["description"]
    envelope["properties"] |= {
        "eventType": {"const": kind.__name__},
        # What reads one version of a major reads the later ones too.
        "version": {"type": "string", "pattern": rf"^{kind.version.partition('.')[0]}\.\d+$"},
    }
    return {"$schema": DIALECT, **envelope, "$defs": definitions}


def example_of(schema: Schema, version: str) -> Any:
    """A message that the schema of an event's `version` allows, with every field it knows."""
    return _example(schema, schema, "") | {"version": version}


def _example(schema: Schema, whole: Schema, name: str) -> Any:
    schema = resolved(schema, whole)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], whole, name)
    match schema.get("type"):
        case "object":
            return {name: _example(each, whole, name) for name, each in schema.get("properties", {}).items()}
        case "array":
            return [_example(schema["items"], whole, name)]
        case "boolean":
            return True
        case "integer":
            return _EXAMPLES.get(name, 1)
    return _EXAMPLES.get(name, "text")


def resolved(schema: Schema, whole: Schema) -> Schema:
    """The schema itself, or the definition in `whole` that it refers to."""
    if "$ref" not in schema:
        return schema
    found: Schema = whole["$defs"][schema["$ref"].removeprefix(_DEFINITIONS)]
    return found
