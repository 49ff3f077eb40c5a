"""The AsyncAPI 3 document: who publishes what where, and who takes it."""

from collections.abc import Iterable, Iterator
from typing import Any

from ecommerce.contracts.schemas import Schema, events, example_of, schema_of
from ecommerce.messages import Event
from ecommerce.service import Service
from ecommerce.topics import PARTITIONS

_HEADERS = {
    "event-type": "The type, so that a reader skips what it does not take without decoding it",
    "event-version": "The version of the payload",
    "correlation-id": "The order, or the product",
    "causation-id": "The id of what made the service decide this, or empty",
    "traceparent": "W3C trace context: an order is one trace",
}
_KEYS = {"order_id": "The order's id: all of its events share a partition", "sku": "The product's sku"}


def document(services: list[Service]) -> dict[str, Any]:
    """The document, as plain data."""
    kinds = list(events(services))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Order pipeline",
            "version": "1.0.0",
            "description": "The events by which the services move an order. Delivery is at least once, in order by "
            "key; `eventId` tells a repetition. A reader of a version takes the later ones of its major too, and "
            "ignores fields and types that it does not know.",
        },
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic, kinds) for topic in sorted({kind.topic for kind in kinds})},
        "operations": dict(_operations(services)),
        "components": {
            "messages": {kind.__name__: _message(kind) for kind in kinds},
            "schemas": {kind.__name__: _component(kind) for kind in kinds},
        },
    }


def _channel(topic: str, kinds: list[type[Event]]) -> dict[str, Any]:
    return {
        "address": topic,
        "messages": {
            kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in kinds if kind.topic == topic
        },
        "bindings": {"kafka": {"partitions": PARTITIONS, "bindingVersion": "0.5.0"}},
    }


def _operations(services: list[Service]) -> Iterator[tuple[str, dict[str, Any]]]:
    for service in services:
        for topic in sorted({kind.topic for kind in service.publishes}):
            yield f"{service.name}.publishes.{topic}", _operation("send", topic, service.publishes)
        for topic in service.topics:
            yield f"{service.name}.takes.{topic}", _operation("receive", topic, service.events_taken)


def _operation(action: str, topic: str, kinds: Iterable[type[Event]]) -> dict[str, Any]:
    channel = f"#/channels/{topic}"
    messages = [{"$ref": f"{channel}/messages/{kind.__name__}"} for kind in kinds if kind.topic == topic]
    return {"action": action, "channel": {"$ref": channel}, "messages": messages}


def _message(kind: type[Event]) -> dict[str, Any]:
    schema = schema_of(kind)
    return {
        "name": kind.__name__,
        "title": schema["title"],
        "summary": schema["description"],
        "headers": {
            "type": "object",
            "properties": {name: {"type": "string", "description": text} for name, text in _HEADERS.items()},
            "required": list(_HEADERS),
        },
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
        "bindings": {
            "kafka": {"key": {"type": "string", "description": _KEYS[kind.key_field]}, "bindingVersion": "0.5.0"}
        },
        "examples": [{"payload": example_of(schema, kind.version)}],
    }


def _component(kind: type[Event]) -> Schema:
    """The schema with its definitions within reach of the document's own root."""
    return _moved(schema_of(kind), f"#/components/schemas/{kind.__name__}/$defs/")


def _moved(schema: Any, to: str) -> Any:
    if isinstance(schema, dict):
        return {
            name: each.replace("#/$defs/", to) if name == "$ref" else _moved(each, to)
            for name, each in schema.items()
            if name != "$schema"
        }
    return [_moved(each, to) for each in schema] if isinstance(schema, list) else schema
