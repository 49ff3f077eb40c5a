"""What may change between two versions of an event, and what may not."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from ecommerce.contracts.committed import Contract, objections
from ecommerce.contracts.schemas import Schema, schema_of
from orders.events import OrderCreated

FIRST = schema_of(OrderCreated)
Change = Callable[[Schema], Any]


def payload(schema: Schema) -> Any:
    return schema["$defs"]["OrderCreated"]


def fields(schema: Schema, of: str = "OrderCreated") -> Any:
    return schema["$defs"][of]["properties"]


def required(schema: Schema, of: str = "OrderCreated") -> list[str]:
    found: list[str] = schema["$defs"][of]["required"]
    return found


def objected(
    change: Change, *, base: Schema = FIRST, version: str = "1.1", upcasts: frozenset[str] = frozenset()
) -> Any:
    """What is said when the event has become another in `version`."""
    schema = deepcopy(base)
    change(schema)
    now = Contract(version=version, schema=schema, upcasts=upcasts)
    return list(objections({"OrderCreated": now}, {"OrderCreated": {"1.0": base}}))


def with_gift_note(schema: Schema) -> Schema:
    """As if the first version had had an optional field and one of few values."""
    schema = deepcopy(schema)
    fields(schema)["note"] = {"type": "string"}
    fields(schema)["channel"] = {"enum": ["WEB", "APP"]}
    required(schema).append("channel")
    return schema


RICHER = with_gift_note(FIRST)


BREAKING: dict[str, tuple[Schema, Change, str]] = {
    "a field taken away": (FIRST, lambda s: (fields(s).pop("currency"), required(s).remove("currency")), "currency"),
    "a field renamed": (
        FIRST,
        lambda s: (
            fields(s).update(total=fields(s).pop("totalAmount")),
            required(s).append("total"),
            required(s).remove("totalAmount"),
        ),
        "payload.total",
    ),
    "a field of another type": (FIRST, lambda s: fields(s).update(totalAmount={"type": "string"}), "totalAmount"),
    "a field that may be missing now": (FIRST, lambda s: required(s).remove("customerId"), "customerId"),
    "a new field that is required": (
        FIRST,
        lambda s: (fields(s).update(shop={"type": "string"}), required(s).append("shop")),
        "shop",
    ),
    "an old field that is required now": (RICHER, lambda s: required(s).append("note"), "note"),
    "a value more": (RICHER, lambda s: fields(s)["channel"]["enum"].append("PHONE"), "'PHONE'"),
    "a value less": (RICHER, lambda s: fields(s)["channel"]["enum"].remove("APP"), "'APP'"),
    "null where there was none": (
        FIRST,
        lambda s: fields(s).update(currency={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        "currency",
    ),
    "larger numbers": (FIRST, lambda s: fields(s, "Item")["quantity"].pop("maximum"), "items[].quantity"),
    "smaller numbers only": (FIRST, lambda s: fields(s, "Item")["quantity"].update(minimum=1), "items[].quantity"),
    "one line for many": (FIRST, lambda s: fields(s).update(items={"$ref": "#/$defs/Item"}), "items"),
    "a part's field taken away": (
        FIRST,
        lambda s: (fields(s, "Sealed").pop("keyId"), required(s, "Sealed").remove("keyId")),
        "sealed.keyId",
    ),
}

COMPATIBLE: dict[str, tuple[Schema, Change]] = {
    "nothing": (FIRST, lambda s: None),
    "other words": (FIRST, lambda s: payload(s).update(description="Something was ordered.")),
    "a field that may be missing": (FIRST, lambda s: fields(s).update(note={"type": "string"})),
    "one with a default": (FIRST, lambda s: fields(s).update(gift={"type": "boolean", "default": False})),
    "a field of a part that may be missing": (FIRST, lambda s: fields(s, "Item").update(note={"type": "string"})),
    "a part that may be missing": (
        FIRST,
        lambda s: fields(s).update(billing={"type": "object", "properties": {}, "required": []}),
    ),
    "a list that may be missing": (
        FIRST,
        lambda s: fields(s).update(vouchers={"type": "array", "items": {"type": "string"}}),
    ),
    "a field taken away that could be missing": (RICHER, lambda s: fields(s).pop("note")),
    "another name of a part's type": (
        FIRST,
        lambda s: (
            s["$defs"].update(Line=s["$defs"].pop("Item")),
            fields(s)["items"].update(items={"$ref": "#/$defs/Line"}),
        ),
    ),
    "a part written out": (
        FIRST,
        lambda s: fields(s).update(sealed=s["$defs"].pop("Sealed")),
    ),
    "its fields in another order": (FIRST, lambda s: s["$defs"]["OrderCreated"]["required"].reverse()),
}


@pytest.mark.parametrize("what", BREAKING)
def test_a_change_that_breaks_somebody_is_refused_with_the_name_of_the_field(what: str) -> None:
    base, change, field = BREAKING[what]
    said = objected(change, base=base)
    assert said
    assert all(field in each for each in said), said


@pytest.mark.parametrize("what", COMPATIBLE)
def test_a_change_that_breaks_nobody_is_accepted_as_a_minor_version(what: str) -> None:
    base, change = COMPATIBLE[what]
    assert objected(change, base=base) == []


def test_what_old_messages_lack_may_be_required_when_an_upcast_gives_it() -> None:
    _, change, _ = BREAKING["a new field that is required"]
    assert objected(change, upcasts=frozenset({"1.0"})) == []


def test_no_upcast_helps_those_who_still_read_the_old_version() -> None:
    _, change, _ = BREAKING["a field taken away"]
    assert objected(change, upcasts=frozenset({"1.0"})) == [
        "readers of OrderCreated 1.0 cannot read 1.1: payload.currency: is required, and not there"
    ]


def test_a_major_version_may_change_anything_but_must_read_the_old_one() -> None:
    _, change, _ = BREAKING["a field taken away"]
    assert objected(change, version="2.0") == ["OrderCreated 2.0 has no upcast from 1.0"]
    assert objected(change, version="2.0", upcasts=frozenset({"1.0"})) == []


def test_what_is_published_does_not_change_under_its_version() -> None:
    _, change, _ = BREAKING["a field of another type"]
    assert objected(change, version="1.0") == [
        "OrderCreated 1.0 is published and has changed (payload.totalAmount: is of type integer, not string; "
        "payload.totalAmount: is of type string, not integer): give it a new version"
    ]
    _, harmless = COMPATIBLE["a field that may be missing"]
    assert "(a field that nobody needs): give it a new version" in objected(harmless, version="1.0")[0]
    assert objected(COMPATIBLE["other words"][1], version="1.0") == []


def test_an_event_that_others_rely_on_does_not_just_go() -> None:
    assert list(objections({}, {"OrderCreated": {"1.0": FIRST}})) == [
        "OrderCreated is gone: whoever takes it waits in vain. Publish it still, or take its schemas away with it"
    ]
