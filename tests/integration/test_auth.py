"""Signing up, in and out: what a token is good for, and until when."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.db import connections
from rest_framework_simplejwt.tokens import AccessToken

from ecommerce.platform.models import User
from tests.integration.people import ORDERS, PASSWORD, Person, customer, problem_of, sign_in, staff

REGISTER, TOKEN = "/api/v1/auth/register", "/api/v1/auth/token"
REFRESH, LOGOUT = "/api/v1/auth/token/refresh", "/api/v1/auth/logout"
REFUSED = (401, "/problems/unauthenticated", [])

pytestmark = pytest.mark.usefixtures("databases")


def refresh(token: str) -> Any:
    return Person().post(REFRESH, {"refresh": token})


def orders_with(access: str) -> Any:
    return Person(access=access).get(ORDERS)


def claims(token: str) -> dict[str, Any]:
    read: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return read


def test_who_registers_can_sign_in_and_is_a_customer() -> None:
    answer = Person().post(REGISTER, {"username": "alice", "password": PASSWORD})
    user = User.objects.get(username="alice")
    assert (answer.status_code, answer.json()) == (201, {"id": user.pk, "username": "alice"})
    assert (user.is_staff, user.is_superuser) == (False, False)
    access, _ = sign_in("alice")
    assert {name: claims(access)[name] for name in ("sub", "username", "is_staff", "token_type")} == {
        "sub": user.pk,
        "username": "alice",
        "is_staff": False,
        "token_type": "access",
    }
    assert orders_with(access).status_code == 200


def test_a_password_is_taken_as_typed_with_its_spaces() -> None:
    credentials = {"username": "alice", "password": f" {PASSWORD} "}
    assert Person().post(REGISTER, credentials).status_code == 201
    assert Person().post(TOKEN, credentials).status_code == 200
    assert problem_of(Person().post(TOKEN, credentials | {"password": PASSWORD})) == REFUSED


def test_tokens_live_five_minutes_and_seven_days() -> None:
    customer("alice")
    lives = [claims(token)["exp"] - claims(token)["iat"] for token in sign_in("alice")]
    assert lives == [5 * 60, 7 * 24 * 60 * 60]


def test_a_refresh_token_gives_a_new_pair_once() -> None:
    customer("alice")
    _, first = sign_in("alice")
    pair = refresh(first).json()
    assert orders_with(pair["access"]).status_code == 200
    assert refresh(pair["refresh"]).status_code == 200
    assert problem_of(refresh(first)) == REFUSED


def test_of_many_who_refresh_with_one_token_at_once_one_gets_a_pair() -> None:
    customer("alice")
    _, token = sign_in("alice")
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(refresh, [token] * 8))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7


def test_a_refresh_token_is_worth_nothing_after_the_logout() -> None:
    customer("alice")
    _, token = sign_in("alice")
    assert Person().post(LOGOUT, {"refresh": token}).status_code == 200
    assert problem_of(refresh(token)) == REFUSED
    assert problem_of(Person().post(LOGOUT, {"refresh": token})) == REFUSED


def test_a_change_of_password_ends_refreshing_at_once_and_the_access_token_in_its_time() -> None:
    customer("alice")
    access, token = sign_in("alice")
    user = User.objects.get(username="alice")
    user.set_password("another-way-from-common")
    user.save()
    assert problem_of(refresh(token)) == REFUSED
    assert orders_with(access).status_code == 200


def deactivate(user: User) -> None:
    user.is_active = False
    user.save()


def remove(user: User) -> None:
    user.delete()


@pytest.mark.parametrize("end", [deactivate, remove])
def test_whose_account_has_ended_gets_no_token(end: Callable[[User], None]) -> None:
    customer("alice")
    _, token = sign_in("alice")
    end(User.objects.get(username="alice"))
    assert problem_of(refresh(token)) == REFUSED
    assert problem_of(Person().post(TOKEN, {"username": "alice", "password": PASSWORD})) == REFUSED


def test_who_has_left_the_back_office_is_no_staff_from_the_next_refresh_on() -> None:
    staff("worker")
    _, token = sign_in("worker")
    User.objects.filter(username="worker").update(is_staff=False)
    assert claims(refresh(token).json()["access"])["is_staff"] is False


def test_services_verify_by_the_signature_alone() -> None:
    alice = customer("alice")
    platform = connections["default"].database
    platform.command("profile", 2)
    try:
        assert alice.get(ORDERS).status_code == 200
        assert platform["system.profile"].count_documents({"ns": f"{platform.name}.users"}) == 0
        sign_in("alice")
        assert platform["system.profile"].count_documents({"ns": f"{platform.name}.users"}) == 1
    finally:
        platform.command("profile", 0)
        platform["system.profile"].drop()


def token(**changes: Any) -> str:
    """A good access token, but for `changes`; a claim that is None is left out."""
    made = AccessToken()
    made["sub"] = "somebody"
    key, algorithm = changes.pop("key", settings.SIMPLE_JWT["SIGNING_KEY"]), changes.pop("algorithm", "HS256")
    payload = {**made.payload, "iss": "ecommerce", "aud": "ecommerce", **changes}
    return jwt.encode({name: value for name, value in payload.items() if value is not None}, key, algorithm)


def test_the_token_that_the_table_changes_is_a_good_one() -> None:
    assert orders_with(token()).status_code == 200


BAD_TOKENS: dict[str, Callable[[], str]] = {
    "expired": lambda: token(exp=claims(token())["iat"] - 1),
    "without an end": lambda: token(exp=None),
    "without a holder": lambda: token(sub=None),
    "without an id": lambda: token(jti=None),
    "a refresh token": lambda: token(token_type="refresh"),
    "of another issuer": lambda: token(iss="elsewhere"),
    "for another audience": lambda: token(aud="elsewhere"),
    "signed by another": lambda: token(key="another secret that has 32 bytes or more"),
    "signed by nobody": lambda: token(key="", algorithm="none"),
    "signed in another way": lambda: token(algorithm="HS384"),
    "cut short": lambda: token()[:-3],
    "garbage": lambda: "garbage",
    "two words": lambda: "two words",
    "beyond ASCII": lambda: "é.é.é",
    "empty parts": lambda: "..",
}


@pytest.mark.parametrize("make", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
def test_a_token_that_is_not_right_opens_nothing(make: Callable[[], str]) -> None:
    answer = orders_with(make())
    assert problem_of(answer) == REFUSED
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("path", [REFRESH, LOGOUT])
@pytest.mark.parametrize("make", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
def test_what_is_no_refresh_token_neither_refreshes_nor_logs_out(make: Callable[[], str], path: str) -> None:
    if make is BAD_TOKENS["a refresh token"]:
        bad = str(AccessToken.for_user(User(id="somebody", username="somebody")))
    else:
        bad = make()
    answer = Person().post(path, {"refresh": bad})
    assert problem_of(answer) == REFUSED
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


def test_without_a_token_nothing_opens_but_what_is_for_anyone() -> None:
    for path in (ORDERS, f"{ORDERS}/o", f"{ORDERS}/o/timeline", "/api/v1/stock/CUP", "/api/v1/payments/o"):
        assert problem_of(Person().get(path)) == REFUSED
    for path in (ORDERS, f"{ORDERS}/o/cancel", "/api/v1/stock/CUP/adjustments", "/api/v1/payments/o/refund"):
        assert problem_of(Person().post(path, {})) == REFUSED
    assert Person().get("/api/v1/products").status_code == 200
