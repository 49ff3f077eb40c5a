"""Refresh tokens: one that is used twice was stolen, and ends all that came of the same sign-in."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.db import connections

from ecommerce import identity
from ecommerce.platform.models import SpentToken, User
from tests.integration.people import ORDERS, Person, customer, problem_of, sign_in
from tests.waiting import until

REFRESH, LOGOUT = "/api/v1/auth/token/refresh", "/api/v1/auth/logout"
REFUSED = (401, "/problems/unauthenticated", [])

pytestmark = pytest.mark.usefixtures("databases")


def refresh(token: str) -> Any:
    return Person().post(REFRESH, {"refresh": token})


def refreshed(token: str) -> str:
    answer = refresh(token)
    assert answer.status_code == 200, answer.content
    return str(answer.json()["refresh"])


@pytest.fixture
def signed_in(databases: None) -> str:
    customer("alice")
    return sign_in("alice")[1]


@pytest.mark.parametrize("uses", [1, 2, 5])
def test_a_token_that_is_used_again_ends_all_that_came_of_its_sign_in(signed_in: str, uses: int) -> None:
    tokens = [signed_in]
    for _ in range(uses):
        tokens.append(refreshed(tokens[-1]))
    other = sign_in("alice")[1]
    assert problem_of(refresh(tokens[0])) == REFUSED
    for token in tokens:
        assert problem_of(refresh(token)) == REFUSED
    assert refresh(other).status_code == 200  # another sign-in, on another device


def test_of_twenty_who_use_a_token_at_once_one_is_answered_and_nobody_goes_on_with_it(signed_in: str) -> None:
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(refresh, [signed_in] * 20))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19
    (won,) = (answer.json() for answer in answers if answer.status_code == 200)
    assert problem_of(refresh(won["refresh"])) == REFUSED
    assert Person(access=won["access"]).get(ORDERS).status_code == 200  # for the five minutes that it lives


def test_a_token_that_was_logged_out_and_comes_again_ends_its_family(signed_in: str) -> None:
    second = refreshed(signed_in)
    assert problem_of(Person().post(LOGOUT, {"refresh": signed_in})) == REFUSED
    assert problem_of(refresh(second)) == REFUSED


def test_a_token_from_before_there_were_families_is_one_of_its_own(signed_in: str) -> None:
    key = settings.SIMPLE_JWT["SIGNING_KEY"]
    payload = jwt.decode(signed_in, key, ["HS256"], audience="ecommerce")
    del payload["sid"]
    old = jwt.encode(payload, key, "HS256")
    second = refreshed(old)
    assert problem_of(refresh(old)) == REFUSED
    assert problem_of(refresh(second)) == REFUSED


@pytest.mark.parametrize("change", ["password", "deactivated"])
def test_after_a_change_of_password_or_a_deactivation_no_token_of_any_sign_in_refreshes(
    signed_in: str, change: str
) -> None:
    tokens = [refreshed(signed_in), sign_in("alice")[1]]
    user = User.objects.get(username="alice")
    if change == "password":
        user.set_password("another-way-from-common")
    else:
        user.is_active = False
    user.save()
    for token in tokens:
        assert problem_of(refresh(token)) == REFUSED


def test_what_ended_with_its_tokens_is_deleted_by_mongodb(signed_in: str) -> None:
    second = refreshed(signed_in)
    refresh(signed_in)
    family = SpentToken.objects.get(pk__startswith="family:")
    assert family.expires_at - identity.now() > timedelta(days=6, hours=23)  # as long as any token of it
    assert problem_of(refresh(second)) == REFUSED
    spent = SpentToken.objects.exclude(pk=family.pk)
    spent.update(expires_at=identity.now() - timedelta(seconds=1))
    until("it to be deleted", lambda: spent.count() == 0)
    assert SpentToken.objects.count() == 1
    indexes = connections["default"].database["spent_tokens"].index_information()
    assert indexes["expiry"]["expireAfterSeconds"] == 0
