"""Cancellations, adjustments, registrations and sign-ins that are not plainly right."""

from typing import Any

import pytest

from tests.integration.people import (
    ORDERS,
    PASSWORD,
    Person,
    everything_in,
    problem_of,
)

ADJUST = "/api/v1/stock/CUP/adjustments"
REGISTER, TOKEN = "/api/v1/auth/register", "/api/v1/auth/token"
REFRESH, LOGOUT = "/api/v1/auth/token/refresh", "/api/v1/auth/logout"
VALIDATION, MALFORMED = "/problems/validation", "/problems/malformed"


@pytest.fixture(scope="module")
def order_id(alice: Person) -> str:
    return alice.order()


CANCELLATIONS: dict[str, tuple[Any, list[str]]] = {
    "a number": ({"reason": 7}, ["reason"]),
    "a boolean": ({"reason": True}, ["reason"]),
    "an operator": ({"reason": {"$ne": 1}}, ["reason"]),
    "null": ({"reason": None}, ["reason"]),
    "too long": ({"reason": "x" * 501}, ["reason"]),
    "a control character": ({"reason": "a\u0000b"}, ["reason"]),
    "an unknown field": ({"reason": "late", "by": "STAFF"}, ["by"]),
    "a list": (["late"], [""]),
}


@pytest.mark.parametrize(("body", "fields"), CANCELLATIONS.values(), ids=CANCELLATIONS.keys())
def test_a_wrong_cancellation_is_refused_by_name_and_changes_nothing(
    alice: Person, order_id: str, body: Any, fields: list[str]
) -> None:
    before = everything_in("orders")
    assert problem_of(alice.post(f"{ORDERS}/{order_id}/cancel", body)) == (400, VALIDATION, fields)
    assert everything_in("orders") == before


ADJUSTMENTS: dict[str, tuple[Any, list[str]]] = {
    "delta 0": ({"delta": 0, "reason": "count"}, ["delta"]),
    "delta a boolean": ({"delta": True, "reason": "count"}, ["delta"]),
    "delta with a fraction": ({"delta": 1.5, "reason": "count"}, ["delta"]),
    "delta a string": ({"delta": "3", "reason": "count"}, ["delta"]),
    "delta in Arabic digits": ({"delta": "٣", "reason": "count"}, ["delta"]),
    "delta above the most": ({"delta": 10**9 + 1, "reason": "count"}, ["delta"]),
    "delta below the least": ({"delta": -(10**9) - 1, "reason": "count"}, ["delta"]),
    "delta 10³⁰": ({"delta": 10**30, "reason": "count"}, ["delta"]),
    "delta -10³⁰": ({"delta": -(10**30), "reason": "count"}, ["delta"]),
    "delta an operator": ({"delta": {"$inc": 1}, "reason": "count"}, ["delta"]),
    "delta missing": ({"reason": "count"}, ["delta"]),
    "reason missing": ({"delta": 1}, ["reason"]),
    "reason empty": ({"delta": 1, "reason": " "}, ["reason"]),
    "reason a number": ({"delta": 1, "reason": 1}, ["reason"]),
    "reason too long": ({"delta": 1, "reason": "x" * 501}, ["reason"]),
    "an unknown field": ({"delta": 1, "reason": "count", "available": 5}, ["available"]),
    "nothing": ({}, ["delta", "reason"]),
}


@pytest.mark.parametrize(("body", "fields"), ADJUSTMENTS.values(), ids=ADJUSTMENTS.keys())
def test_a_wrong_adjustment_is_refused_by_name_and_changes_nothing(
    worker: Person, body: Any, fields: list[str]
) -> None:
    before = everything_in("inventory")
    status, _, named = problem_of(worker.post(ADJUST, body))
    assert (status, named) == (400, fields)
    assert everything_in("inventory") == before


def test_more_than_is_there_cannot_be_taken_out_of_stock(worker: Person) -> None:
    before = everything_in("inventory")
    answer = worker.post(ADJUST, {"delta": -101, "reason": "count"})
    assert problem_of(answer) == (409, "/problems/insufficient-stock", ["delta"])
    assert everything_in("inventory") == before


def test_a_product_that_is_not_there_cannot_be_adjusted(worker: Person) -> None:
    before = everything_in("inventory")
    answer = worker.post("/api/v1/stock/$ne/adjustments", {"delta": 1, "reason": "count"})
    assert problem_of(answer) == (404, "/problems/not-found", [])
    assert everything_in("inventory") == before


def test_only_staff_adjust_stock_refund_and_look_at_reservations(alice: Person, order_id: str) -> None:
    before = everything_in("inventory")
    forbidden = (403, "/problems/forbidden", [])
    assert problem_of(alice.post(ADJUST, {"delta": 1, "reason": "count"})) == forbidden
    assert problem_of(alice.get("/api/v1/stock/CUP")) == forbidden
    assert problem_of(alice.get(f"/api/v1/reservations/{order_id}")) == forbidden
    assert problem_of(alice.post(f"/api/v1/payments/{order_id}/refund", {"reason": "r"})) == forbidden
    assert everything_in("inventory") == before


REGISTRATIONS: dict[str, tuple[Any, list[str]]] = {
    "username taken": ({"username": "alice", "password": PASSWORD}, ["username"]),
    "username too short": ({"username": "al", "password": PASSWORD}, ["username"]),
    "username too long": ({"username": "a" * 151, "password": PASSWORD}, ["username"]),
    "username with a space": ({"username": "al ice", "password": PASSWORD}, ["username"]),
    "username with a line break": ({"username": "bella\n", "password": PASSWORD}, ["username"]),
    "username in other letters": ({"username": "аlice", "password": PASSWORD}, ["username"]),
    "username a number": ({"username": 12345, "password": PASSWORD}, ["username"]),
    "username an operator": ({"username": {"$ne": ""}, "password": PASSWORD}, ["username"]),
    "username missing": ({"password": PASSWORD}, ["username"]),
    "password missing": ({"username": "bella"}, ["password"]),
    "password too short": ({"username": "bella", "password": "q8&Zk"}, ["password"]),
    "password common": ({"username": "bella", "password": "password123"}, ["password"]),
    "password like the username": ({"username": "bella-donna", "password": "bella-donna"}, ["password"]),
    "password too long": ({"username": "bella", "password": "x" * 129}, ["password"]),
    "password a number": ({"username": "bella", "password": 8471023948}, ["password"]),
    "rights": ({"username": "bella", "password": PASSWORD, "is_staff": True}, ["is_staff"]),
    "nothing": ({}, ["username", "password"]),
    "a list": ([], [""]),
}


@pytest.mark.parametrize(("body", "fields"), REGISTRATIONS.values(), ids=REGISTRATIONS.keys())
def test_a_wrong_registration_is_refused_by_name_and_makes_no_user(alice: Person, body: Any, fields: list[str]) -> None:
    before = everything_in("default")
    assert problem_of(Person().post(REGISTER, body)) == (400, VALIDATION, fields)
    assert everything_in("default") == before


SIGN_INS: dict[str, tuple[str, Any, list[str]]] = {
    "no password": (TOKEN, {"username": "alice"}, ["password"]),
    "no username": (TOKEN, {"password": PASSWORD}, ["username"]),
    "username an operator": (TOKEN, {"username": {"$ne": ""}, "password": PASSWORD}, ["username"]),
    "username a number": (TOKEN, {"username": 7, "password": PASSWORD}, ["username"]),
    "username too long": (TOKEN, {"username": "a" * 151, "password": PASSWORD}, ["username"]),
    "password an operator": (TOKEN, {"username": "alice", "password": {"$ne": ""}}, ["password"]),
    "password a number": (TOKEN, {"username": "alice", "password": 7}, ["password"]),
    "password too long to hash": (TOKEN, {"username": "alice", "password": "x" * 129}, ["password"]),
    "an unknown field": (TOKEN, {"username": "alice", "password": PASSWORD, "is_staff": True}, ["is_staff"]),
    "refresh missing": (REFRESH, {}, ["refresh"]),
    "refresh a number": (REFRESH, {"refresh": 7}, ["refresh"]),
    "refresh with an unknown field": (REFRESH, {"refresh": "x", "access": "y"}, ["access"]),
    "refresh too long": (REFRESH, {"refresh": "x" * 4001}, ["refresh"]),
    "logout without a token": (LOGOUT, {}, ["refresh"]),
    "logout with an operator": (LOGOUT, {"refresh": {"$ne": ""}}, ["refresh"]),
    "logout too long": (LOGOUT, {"refresh": "x" * 4001}, ["refresh"]),
}


@pytest.mark.parametrize(("path", "body", "fields"), SIGN_INS.values(), ids=SIGN_INS.keys())
def test_a_wrong_sign_in_is_refused_by_name(alice: Person, path: str, body: Any, fields: list[str]) -> None:
    before = everything_in("default")
    assert problem_of(Person().post(path, body)) == (400, VALIDATION, fields)
    assert everything_in("default") == before


def test_a_wrong_password_and_an_unknown_name_are_refused_alike(alice: Person) -> None:
    wrong = Person().post(TOKEN, {"username": "alice", "password": "another one"})
    unknown = Person().post(TOKEN, {"username": "nobody", "password": "another one"})
    assert problem_of(wrong) == (401, "/problems/unauthenticated", [])
    assert wrong.content == unknown.content


@pytest.mark.parametrize("path", [f"{ORDERS}/o/cancel", ADJUST, REGISTER, TOKEN, REFRESH, LOGOUT])
def test_every_command_reads_strict_json_alone(worker: Person, path: str) -> None:
    assert problem_of(worker.send("POST", path, b'{"a": 1, "a": 1}')) == (400, MALFORMED, [])
    assert problem_of(worker.send("POST", path, b"[" * 200_000)) == (400, MALFORMED, [])
    assert problem_of(worker.send("POST", path, b" " * 1_000_001)) == (413, "/problems/too-large", [])
    form = worker.send("POST", path, b"a=1", type="application/x-www-form-urlencoded")
    assert problem_of(form) == (415, "/problems/unsupported-media-type", [])
