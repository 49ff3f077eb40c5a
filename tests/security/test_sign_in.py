"""Who guesses passwords is held up: API and admin alike, and nobody is locked out by another."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.sessions.models import Session
from django.db import connections
from django.test import Client
from django.urls import reverse

from ecommerce import identity
from ecommerce.http.addresses import address_of
from ecommerce.platform.models import SignInFailure, User
from tests.integration.people import PASSWORD, Person, problem_of, staff
from tests.waiting import until

TOKEN = "/api/v1/auth/token"
WRONG, LOCKED = (401, "/problems/unauthenticated", []), (429, "/problems/sign-in-locked", [])
MOST = 5

pytestmark = pytest.mark.usefixtures("databases")


@pytest.fixture
def ann(databases: None) -> str:
    User.objects.create_user("ann", password=PASSWORD)
    return "ann"


def sign_in(name: str, password: str = PASSWORD, *, address: str = "192.0.2.1") -> Any:
    return Person(client=Client(REMOTE_ADDR=address)).post(TOKEN, {"username": name, "password": password})


def guess(name: str, *, times: int, address: str = "192.0.2.1") -> list[Any]:
    return [problem_of(sign_in(name, f"guess {n}", address=address)) for n in range(times)]


def test_after_five_wrong_passwords_the_right_one_is_refused_too_until_a_time_that_is_told(ann: str) -> None:
    assert guess(ann, times=MOST + 2) == [WRONG] * MOST + [LOCKED] * 2
    answer = sign_in(ann)
    assert problem_of(answer) == LOCKED
    assert 14 * 60 < int(answer["Retry-After"]) <= 15 * 60


def test_a_lock_ends_when_it_was_to_end_however_often_somebody_tries_meanwhile(ann: str) -> None:
    guess(ann, times=MOST)
    ends = {row.pk: row.until for row in SignInFailure.objects.all()}
    guess(ann, times=3)
    assert {row.pk: row.until for row in SignInFailure.objects.all()} == ends
    SignInFailure.objects.update(until=identity.now() - timedelta(milliseconds=1))
    assert guess(ann, times=1) == [WRONG]
    assert sign_in(ann).status_code == 200


def test_a_name_that_nobody_has_is_answered_like_one_that_somebody_has(ann: str) -> None:
    known, unknown = ([sign_in(name, f"guess {n}") for n in range(MOST + 2)] for name in (ann, "nobody-at-all"))
    assert [answer.content for answer in known[:MOST]] == [answer.content for answer in unknown[:MOST]]
    assert [problem_of(answer) for answer in known] == [problem_of(answer) for answer in unknown]
    assert [dict(each.headers).keys() for each in known] == [dict(each.headers).keys() for each in unknown]


@pytest.fixture
def hashings(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a password was hashed, which is what takes the time."""
    counted: Counter[str] = Counter()
    verify, encode = Argon2PasswordHasher.verify, Argon2PasswordHasher.encode

    def counted_verify(self: Any, *args: Any) -> Any:
        counted["hashed"] += 1
        return verify(self, *args)

    def counted_encode(self: Any, *args: Any) -> Any:
        counted["hashed"] += 1
        return encode(self, *args)

    monkeypatch.setattr(Argon2PasswordHasher, "verify", counted_verify)
    monkeypatch.setattr(Argon2PasswordHasher, "encode", counted_encode)
    return counted


@pytest.mark.parametrize("who", ["ann", "nobody-at-all", "gone", "locked"])
def test_the_work_for_an_answer_does_not_tell_who_there_is(ann: str, hashings: Counter[str], who: str) -> None:
    gone = User.objects.create_user("gone", password=PASSWORD, is_active=False)
    assert gone.check_password(PASSWORD)
    if who == "locked":
        guess("locked", times=MOST)
    hashings.clear()
    sign_in(who, PASSWORD if who == "gone" else "a guess")
    assert hashings["hashed"] == (0 if who == "locked" else 1)


def test_of_many_guesses_at_once_no_more_are_told_than_of_those_one_after_the_other(ann: str) -> None:
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda n: problem_of(sign_in(ann, f"guess {n}")), range(40)))
    assert Counter(map(str, answers)) == {str(WRONG): MOST, str(LOCKED): 40 - MOST}
    assert problem_of(sign_in(ann)) == LOCKED


def test_a_right_password_that_was_compared_while_others_used_up_the_guesses_is_one_too_many(
    ann: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = User.check_password

    def compare_slowly(self: User, password: str) -> bool:
        if password == PASSWORD:
            assert guess(ann, times=MOST) == [WRONG] * MOST
        return compare(self, password)

    monkeypatch.setattr(User, "check_password", compare_slowly)
    assert problem_of(sign_in(ann)) == LOCKED


def test_many_who_sign_in_at_once_with_the_right_password_do_not_lock_themselves_out(ann: str) -> None:
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: sign_in(ann), range(24)))
    assert [answer.status_code for answer in answers] == [200] * 24


def test_the_right_password_begins_the_count_anew(ann: str) -> None:
    assert guess(ann, times=MOST - 1) == [WRONG] * (MOST - 1)
    assert sign_in(ann).status_code == 200
    assert guess(ann, times=MOST) == [WRONG] * MOST


def test_nobody_is_locked_out_by_another(ann: str) -> None:
    guess(ann, times=MOST + 1, address="198.51.100.7")
    assert sign_in(ann, address="198.51.100.8").status_code == 200
    User.objects.create_user("ben", password=PASSWORD)
    assert sign_in("ben", address="198.51.100.7").status_code == 200


def test_who_tries_many_names_is_locked_by_the_address_and_nobody_else_is(ann: str, settings: Any) -> None:
    settings.SIGN_IN_FAILURES_PER_ADDRESS = 12
    tried = [problem_of(sign_in(f"name-{n}", "a guess", address="198.51.100.7")) for n in range(14)]
    assert tried == [WRONG] * 12 + [LOCKED] * 2
    assert problem_of(sign_in(ann, address="198.51.100.7")) == LOCKED
    assert sign_in(ann, address="198.51.100.8").status_code == 200


@pytest.mark.parametrize("header", ["HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_CLIENT_IP"])
def test_no_header_makes_another_of_the_sender(ann: str, header: str) -> None:
    def tried(n: int) -> Any:
        client = Client(REMOTE_ADDR="192.0.2.1", **{header: f"203.0.113.{n}"})
        return problem_of(Person(client=client).post(TOKEN, {"username": ann, "password": "a guess"}))

    assert [tried(n) for n in range(MOST + 1)] == [WRONG] * MOST + [LOCKED]


ADDRESSES = {
    "192.0.2.1": "192.0.2.1",
    "::ffff:192.0.2.1": "192.0.2.1",
    "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
    "2001:db8:1:2::9": "2001:db8:1:2::/64",
    "": "",
    "a socket": "a socket",
}


@pytest.mark.parametrize(("said", "address"), ADDRESSES.items())
def test_who_has_an_ipv6_network_is_one_sender(said: str, address: str) -> None:
    assert address_of(Client(REMOTE_ADDR=said).get("/healthz").wsgi_request) == address


# The admin


def page(name: str, password: str) -> tuple[Client, str]:
    client = Client(REMOTE_ADDR="192.0.2.1")
    answer = client.post(reverse("admin:login"), {"username": name, "password": password}, follow=True)
    assert answer.status_code == 200
    return client, answer.content.decode()


def test_the_admin_says_that_it_is_locked_to_the_right_password_too(databases: None) -> None:
    staff("worker")
    for n in range(MOST):
        assert "Too many wrong passwords" not in page("worker", f"guess {n}")[1]
    client, said = page("worker", PASSWORD)
    assert "Too many wrong passwords for this name from this address" in said
    assert "sessionid" not in client.cookies


def test_admin_and_api_count_together(ann: str) -> None:
    for n in range(MOST):
        page(ann, f"guess {n}")
    assert problem_of(sign_in(ann)) == LOCKED


# What is stored


def test_neither_a_name_nor_an_address_nor_a_password_typed_as_a_name_is_stored(ann: str) -> None:
    typed = "my-password-by-mistake"
    for name in (ann, typed):
        guess(name, times=1)
    stored = repr(list(connections["default"].database["sign_in_failures"].find()))
    assert [text for text in (ann, typed, "192.0.2.1") if f"{text}" in stored.replace("'name'", "")] == []
    assert SignInFailure.objects.count() == 3


def test_what_has_expired_is_deleted_by_mongodb(ann: str) -> None:
    guess(ann, times=1)
    guess("ben", times=1)
    mine = SignInFailure.objects.filter(pk__in=list(SignInFailure.objects.values_list("pk", flat=True))[:1])
    mine.update(until=identity.now() - timedelta(seconds=1))
    until("it to be deleted", lambda: mine.count() == 0)
    assert SignInFailure.objects.count() == 2


def test_a_session_of_the_back_office_that_has_ended_is_deleted_by_mongodb() -> None:
    for name, password in (("sue", PASSWORD), ("tom", PASSWORD)):
        User.objects.create_user(name, password=password, is_staff=True)
        assert Client().post(reverse("admin:login"), {"username": name, "password": password}).status_code == 302
    ended = Session.objects.filter(pk__in=[Session.objects.values_list("pk", flat=True)[0]])
    ended.update(expire_date=identity.now() - timedelta(seconds=1))
    until("it to be deleted", lambda: ended.count() == 0)
    assert Session.objects.count() == 1
