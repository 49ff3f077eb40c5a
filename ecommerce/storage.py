"""How states and log entries lie in MongoDB.

The log (`events`) is inbox and history in one: every input that a service took and every event that it made, with the
original bytes. `_id` is `<aggregate's key>:<event id>`, so the log itself tells what was handled, and an aggregate's
history is a range of ids.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from pymongo.client_session import ClientSession
from pymongo.database import Database

from ecommerce import typed
from ecommerce.messages import Envelope
from ecommerce.service import Aggregate, State

Document = dict[str, Any]

EVENTS = "events"
POSITIONS = "positions"
LEASES = "leases"
HEARTBEATS = "heartbeats"


def entry_id(key: str, event_id: str) -> str:
    """The `_id` of a log entry."""
    return f"{key}:{event_id}"


def entry(key: str, envelope: Envelope[Any], data: bytes, *, version: int, own: bool, taken_at: datetime) -> Document:
    """A log entry: `version` is its place in the aggregate's history, `own` tells an event from an input.

    `at` is when it happened where it was made, `taken_at` when it took effect here.
    """
    return {
        "_id": entry_id(key, envelope.event_id),
        "v": version,
        "type": envelope.event_type,
        "own": own,
        "at": envelope.timestamp,
        "taken_at": taken_at,
        "cause": envelope.causation_id,
        "data": data,
    }


def history(database: Database[Document], key: str, *, session: ClientSession | None = None) -> list[Document]:
    """The log entries of one aggregate in the order in which they took effect."""
    found = database[EVENTS].find({"_id": {"$gte": f"{key}:", "$lt": f"{key};"}}, session=session)
    return sorted(found, key=lambda each: each["v"])


def histories(database: Database[Document], *, session: ClientSession | None = None) -> Iterator[list[Document]]:
    """Every aggregate's history, one after the other, by a walk along the `_id` index."""
    group: list[Document] = []
    for document in database[EVENTS].find(sort=[("_id", 1)], session=session):
        if group and key_of(group[0]) != key_of(document):
            yield sorted(group, key=lambda each: each["v"])
            group = []
        group.append(document)
    if group:
        yield sorted(group, key=lambda each: each["v"])


def key_of(entry: Document) -> str:
    """The aggregate that a log entry belongs to. An event id holds no colon; a key may."""
    return str(entry["_id"]).rpartition(":")[0]


def event_id_of(entry: Document) -> str:
    """The id of the message that a log entry holds."""
    return str(entry["_id"]).rpartition(":")[2]


def state_of(aggregate: Aggregate, document: Document) -> State:
    """The state that a stored document holds."""
    return typed.convert({**document, aggregate.state.key_name: document["_id"]}, aggregate.state)


def states(database: Database[Document], aggregate: Aggregate, where: Document) -> list[Any]:
    """The states of the stored aggregates that match."""
    return [state_of(aggregate, document) for document in database[aggregate.collection].find(where)]


def document_of(aggregate: Aggregate, key: str, state: State) -> Document:
    """The document that stores a state, as it will be read again: tuples are lists there."""
    values = msgspec.to_builtins(state)
    del values[aggregate.state.key_name]
    return {"_id": key} | {name: [*value] if type(value) is tuple else value for name, value in values.items()}
