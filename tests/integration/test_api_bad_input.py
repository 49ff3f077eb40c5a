"""Orders that are not plainly right: each is refused with a problem that says where, and leaves no trace."""

import json
from typing import Any

import pytest
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from ecommerce.http.parsing import MOST_BYTES
from tests.integration.people import ADDRESS, ORDER, ORDERS, Person, customer, everything_in, problem_of, stock_the_shop

CONTROL = "bell\u0007"


@pytest.fixture(scope="module")
def alice(module_databases: None) -> Person:
    stock_the_shop()
    return customer("alice")


def order(**changes: Any) -> dict[str, Any]:
    return ORDER | changes


def line(**changes: Any) -> dict[str, Any]:
    return order(items=[{"sku": "CUP", "quantity": 2} | changes])


def address(**changes: Any) -> dict[str, Any]:
    return order(shippingAddress=ADDRESS | changes)


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {each: value for each, value in body.items() if each != name}


VALIDATION: dict[str, tuple[Any, list[str]]] = {
    "quantity 0": (line(quantity=0), ["items[0].quantity"]),
    "quantity negative": (line(quantity=-1), ["items[0].quantity"]),
    "quantity with a fraction": (line(quantity=1.5), ["items[0].quantity"]),
    "quantity 1.5": (line(quantity=1.5), ["items[0].quantity"]),
    "quantity a boolean": (line(quantity=True), ["items[0].quantity"]),
    "quantity null": (line(quantity=None), ["items[0].quantity"]),
    "quantity above the most": (line(quantity=1_000_001), ["items[0].quantity"]),
    "quantity 2⁶³": (line(quantity=2**63), ["items[0].quantity"]),
    "quantity 10³⁰": (line(quantity=10**30), ["items[0].quantity"]),
    "quantity a string": (line(quantity="3"), ["items[0].quantity"]),
    "quantity in Arabic digits": (line(quantity="٣"), ["items[0].quantity"]),
    "quantity an operator": (line(quantity={"$gt": 0}), ["items[0].quantity"]),
    "quantity missing": (order(items=[{"sku": "CUP"}]), ["items[0].quantity"]),
    "sku missing": (order(items=[{"quantity": 1}]), ["items[0].sku"]),
    "sku an operator": (line(sku={"$ne": 1}), ["items[0].sku"]),
    "sku a number": (line(sku=7), ["items[0].sku"]),
    "sku a list": (line(sku=["CUP"]), ["items[0].sku"]),
    "sku empty": (line(sku=""), ["items[0].sku"]),
    "sku too long": (line(sku="x" * 65), ["items[0].sku"]),
    "sku with a control character": (line(sku=CONTROL), ["items[0].sku"]),
    "sku with a null character": (line(sku="CUP\0"), ["items[0].sku"]),
    "two bad lines": (
        order(items=[{"sku": "CUP", "quantity": n} for n in (0, 1, 0)]),
        ["items[0].quantity", "items[2].quantity"],
    ),
    "items empty": (order(items=[]), ["items"]),
    "items 101": (order(items=[{"sku": "CUP", "quantity": 1}] * 101), ["items"]),
    "items an object": (order(items={"0": {"sku": "CUP", "quantity": 1}}), ["items"]),
    "items a string": (order(items="CUP"), ["items"]),
    "items null": (order(items=None), ["items"]),
    "items missing": (without(ORDER, "items"), ["items"]),
    "a line that is a string": (order(items=["CUP"]), ["items[0]"]),
    "a price of the client's": (line(unitPrice=0.01), ["items[0].unitPrice"]),
    "a total of the client's": (order(totalAmount=0.01), ["totalAmount"]),
    "a status of the client's": (order(status="PAID"), ["status"]),
    "a customer of the client's": (order(customerId="bob"), ["customerId"]),
    "an unknown field": (order(colour="red"), ["colour"]),
    "an unknown operator": (order(**{"$where": "1"}), ["$where"]),
    "paymentMethod missing": (without(ORDER, "paymentMethod"), ["paymentMethod"]),
    "paymentMethod empty": (order(paymentMethod=""), ["paymentMethod"]),
    "paymentMethod a number": (order(paymentMethod=4242), ["paymentMethod"]),
    "paymentMethod too long": (order(paymentMethod="t" * 201), ["paymentMethod"]),
    "paymentMethod with a line break": (order(paymentMethod="tok\nvisa"), ["paymentMethod"]),
    "no address": (without(ORDER, "shippingAddress"), ["shippingAddress"]),
    "an address in one string": (order(shippingAddress="1 Quay"), ["shippingAddress"]),
    "an unknown part of the address": (address(planet="Mars"), ["shippingAddress.planet"]),
    "country in lower case": (address(country="gb"), ["shippingAddress.country"]),
    "country in full": (address(country="England"), ["shippingAddress.country"] * 2),
    "country in other letters": (address(country="ＧＢ"), ["shippingAddress.country"]),
    "a body that is a list": ([ORDER], [""]),
    "a body that is a string": ("order", [""]),
    "a body that is null": (None, [""]),
    **{f"address without {part}": (address(**{part: ""}), [f"shippingAddress.{part}"]) for part in ADDRESS},
    **{
        f"{part} missing": (order(shippingAddress=without(ADDRESS, part)), [f"shippingAddress.{part}"])
        for part in ADDRESS
    },
    **{
        f"{part} too long": (address(**{part: "x" * (most + 1)}), [f"shippingAddress.{part}"])
        for part, most in {"name": 200, "line1": 200, "city": 200, "postalCode": 20}.items()
    },
    **{f"{part} with a tab": (address(**{part: "a\tb"}), [f"shippingAddress.{part}"]) for part in ("name", "city")},
}

TEXT = json.dumps(ORDER)
MALFORMED: dict[str, tuple[bytes, str]] = {
    "white space alone": (b" \n", "the body is empty, JSON is expected"),
    "no JSON": (b"{", "not valid JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    "two values": (b"{} {}", "not valid JSON: Extra data: line 1 column 4 (char 3)"),
    "no UTF-8": (b'{"a": "\xff"}', "not valid JSON: 'utf-8' codec can't decode byte 0xff in position 7"),
    "a key twice": (TEXT.replace('"quantity"', '"sku"').encode(), "not valid JSON: the key 'sku' is there twice"),
    "a key twice, spelled in two ways": (b'{"items": 1, "item\\u0073": 2}', "not valid JSON: the key 'items'"),
    "a lone surrogate": (TEXT.replace("Ann", "\\ud800").encode(), "shippingAddress.name: a string holds"),
    "a lone surrogate in a key": (b'{"\\udfff": 1}', "\\udfff: a string holds a lone surrogate"),
    "a lone surrogate alone": (b'"\\udfff"', "a lone surrogate"),
    "NaN": (TEXT.replace("2}", "NaN}").encode(), "not valid JSON: NaN is no JSON number"),
    "Infinity": (TEXT.replace("2}", "-Infinity}").encode(), "not valid JSON: -Infinity is no JSON number"),
    "a raw control character": (TEXT.replace("Ann", "\x07").encode(), "not valid JSON: Invalid control character at"),
    "200 KB of nested lists": (b"[" * 100_000 + b"]" * 100_000, "nested more than 20 levels deep"),
    "200 KB of nested objects": (b'{"a":' * 40_000, "nested more than 20 levels deep"),
    "nested lists behind a quotation mark": (b'["\\"", ' + b"[" * 20 + b"]" * 21, "nested more than 20 levels deep"),
}


def test_the_order_that_the_tables_change_is_a_good_one(alice: Person) -> None:
    before = everything_in("orders")
    assert alice.post(ORDERS, ORDER).status_code == 201
    after = everything_in("orders")
    grown = {name: len(after[name]) - len(before.get(name, [])) for name in after}
    assert {name: by for name, by in grown.items() if by} == {"events": 2, "orders": 1, "outbox": 1}


@pytest.mark.parametrize(("body", "fields"), VALIDATION.values(), ids=VALIDATION.keys())
def test_what_is_wrong_with_an_order_is_named_and_nothing_stored(alice: Person, body: Any, fields: list[str]) -> None:
    before = everything_in("orders")
    assert problem_of(alice.post(ORDERS, body)) == (400, "/problems/validation", fields)
    assert everything_in("orders") == before


@pytest.mark.parametrize(("data", "detail"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_body_that_is_no_strict_json_is_refused_and_nothing_stored(alice: Person, data: bytes, detail: str) -> None:
    before = everything_in("orders")
    answer = alice.send("POST", ORDERS, data)
    assert problem_of(answer) == (400, "/problems/malformed", [])
    assert answer.json()["detail"].startswith(detail)
    assert everything_in("orders") == before


def test_an_unknown_product_is_named_by_its_line(alice: Person) -> None:
    before = everything_in("orders")
    body = order(items=[{"sku": "CUP", "quantity": 1}, {"sku": "$ne", "quantity": 1}])
    assert problem_of(alice.post(ORDERS, body)) == (400, "/problems/unknown-sku", ["items[1].sku"])
    assert everything_in("orders") == before


def test_an_empty_body_lacks_every_field(alice: Person) -> None:
    before = everything_in("orders")
    expected = (400, "/problems/validation", ["items", "paymentMethod", "shippingAddress"])
    assert problem_of(alice.send("POST", ORDERS)) == expected
    assert everything_in("orders") == before


def test_a_body_is_taken_up_to_the_limit_and_refused_one_byte_above(alice: Person) -> None:
    data = TEXT.encode().ljust(MOST_BYTES)
    before = everything_in("orders")
    assert problem_of(alice.send("POST", ORDERS, data + b" ")) == (413, "/problems/too-large", [])
    assert everything_in("orders") == before
    assert alice.send("POST", ORDERS, data).status_code == 201


@pytest.mark.parametrize(
    ("type", "data"),
    [
        ("text/plain", TEXT.encode()),
        ("application/xml", b"<order/>"),
        ("application/x-www-form-urlencoded", b"items=CUP"),
        (MULTIPART_CONTENT, encode_multipart(BOUNDARY, {"items": "CUP"})),
        ("", TEXT.encode()),
    ],
)
def test_another_content_type_than_json_is_refused(alice: Person, type: str, data: bytes) -> None:
    before = everything_in("orders")
    answer = alice.send("POST", ORDERS, data, type=type)
    assert problem_of(answer) == (415, "/problems/unsupported-media-type", [])
    assert everything_in("orders") == before
