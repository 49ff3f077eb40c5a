"""Nobody takes all that there is: rates by address, user and scope, over all web processes, and none without Redis."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from django.test import Client

from ecommerce.environment import Environment, Rate
from ecommerce.http import throttling
from tests.integration.people import ORDER, ORDERS, PASSWORD, Person, problem_of
from tests.servers import Servers
from tests.waiting import until

THROTTLED = (429, "/problems/throttled", [])
TOKEN, PRODUCTS = "/api/v1/auth/token", "/api/v1/products"


@pytest.fixture(autouse=True)
def _afresh(alice: Person, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(throttling, "_blind_until", 0.0)
    redis.Redis.from_url(settings.REDIS_URL).flushall()
    yield
    redis.Redis.from_url(settings.REDIS_URL).flushall()


def at(address: str, who: Person) -> Person:
    return Person(who.name, who.access, Client(REMOTE_ADDR=address))


def statuses(answers: Iterator[Any] | list[Any]) -> list[int]:
    return [answer.status_code for answer in answers]


def test_a_user_may_ask_so_often_from_all_addresses_together_and_another_user_still_may(
    alice: Person, bob: Person, settings: Any
) -> None:
    settings.THROTTLE_RATES = {"user": Rate(3, 3600)}
    asked = [at(f"192.0.2.{n}", alice).get(ORDERS) for n in range(5)]
    assert statuses(asked) == [200] * 3 + [429] * 2
    assert problem_of(asked[-1]) == THROTTLED
    assert 3500 < int(asked[-1]["Retry-After"]) <= 3600
    assert bob.get(ORDERS).status_code == 200


def test_an_address_may_ask_so_often_whoever_does_and_another_address_still_may(
    alice: Person, bob: Person, settings: Any
) -> None:
    settings.THROTTLE_RATES = {"address": Rate(3, 3600)}
    here = "192.0.2.7"
    asked = [at(here, who).get(path) for who, path in ((alice, ORDERS), (bob, ORDERS), (Person(), PRODUCTS))]
    assert statuses(asked) == [200] * 3
    assert problem_of(at(here, alice).get(ORDERS)) == THROTTLED
    assert problem_of(at(here, Person()).get(PRODUCTS)) == THROTTLED
    assert at("192.0.2.8", alice).get(ORDERS).status_code == 200


@pytest.mark.parametrize("path", ["register", "token", "token/refresh"])
def test_signing_in_has_a_rate_of_its_own_by_address(alice: Person, settings: Any, path: str) -> None:
    settings.THROTTLE_RATES = {"sign-in": Rate(2, 3600)}
    asked = [at("192.0.2.9", Person()).post(f"/api/v1/auth/{path}", {}) for _ in range(3)]
    assert statuses(asked) == [400, 400, 429]
    right = {"username": "alice", "password": PASSWORD}
    assert problem_of(at("192.0.2.9", Person()).post(TOKEN, right)) == THROTTLED
    assert at("192.0.2.10", Person()).post(TOKEN, right).status_code == 200
    assert at("192.0.2.9", alice).get(ORDERS).status_code == 200


def test_placing_orders_has_a_rate_of_its_own_and_looking_at_them_does_not_count(alice: Person, settings: Any) -> None:
    settings.THROTTLE_RATES = {"orders": Rate(2, 3600)}
    assert statuses([alice.get(ORDERS) for _ in range(4)]) == [200] * 4
    assert statuses([alice.post(ORDERS, ORDER) for _ in range(3)]) == [201, 201, 429]
    assert alice.get(ORDERS).status_code == 200


def test_of_many_at_once_exactly_as_many_get_through(alice: Person, settings: Any) -> None:
    settings.THROTTLE_RATES = {"user": Rate(7, 3600)}
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: at("192.0.2.1", alice).get(ORDERS), range(40)))
    assert Counter(statuses(answers)) == {200: 7, 429: 33}


def test_a_window_ends(alice: Person, settings: Any) -> None:
    settings.THROTTLE_RATES = {"user": Rate(1, 3600)}
    assert statuses([alice.get(ORDERS) for _ in range(2)]) == [200, 429]
    memory = redis.Redis.from_url(settings.REDIS_URL)
    (key,) = memory.scan_iter("*throttle:user:*")
    memory.pexpire(key, 1)
    until("the window to end", lambda: not memory.exists(key))
    assert alice.get(ORDERS).status_code == 200


def test_what_is_signed_is_not_counted(alice: Person, settings: Any) -> None:
    settings.THROTTLE_RATES = {"address": Rate(1, 3600)}
    asked = [at("192.0.2.7", Person()).post("/api/v1/webhooks/carrier", {}) for _ in range(3)]
    assert 429 not in statuses(asked)


@pytest.mark.parametrize("harm", ["kill", "pause"])
def test_without_redis_orders_are_taken_and_with_it_rates_hold_again(
    alice: Person, settings: Any, servers: Servers, harm: str
) -> None:
    settings.THROTTLE_RATES = dict.fromkeys(("address", "user", "orders"), Rate(1, 3600))
    assert statuses([alice.post(ORDERS, ORDER) for _ in range(2)]) == [201, 429]
    getattr(servers.redis, harm)()
    try:
        assert statuses([alice.post(ORDERS, ORDER) for _ in range(4)]) == [201] * 4
    finally:
        servers.redis.resume() if harm == "pause" else servers.redis.start()
    until("rates to hold again", lambda: alice.get(ORDERS).status_code == 429, seconds=60)


REQUIRED = {
    "KAFKA_BROKERS": "h:1", "KAFKA_CLIENT_ID": "c", "MONGO_URI": "mongodb://h", "REDIS_URL": "redis://h", "PORT": "1",
    "JWT_SECRET": "x" * 32, "SERVICE": "orders", "ALLOWED_HOSTS": "h", "MASTER_KEY": "A" * 43 + "=",
}  # fmt: skip


def test_rates_hold_in_production_unless_they_are_off_and_in_development_when_they_are_set() -> None:
    def rates(**said: str) -> dict[str, Rate]:
        return Environment(_env_file=None, **{**REQUIRED, **said}).throttle_rates  # type: ignore[arg-type]

    usual = {"address": Rate(3000, 60), "user": Rate(1200, 60), "sign-in": Rate(60, 60), "orders": Rate(120, 60)}
    assert rates(ENVIRONMENT="production") == usual
    assert rates(ENVIRONMENT="production", THROTTLE_USER="off", THROTTLE_ADDRESS="5/h") == {
        "address": Rate(5, 3600),
        "sign-in": Rate(60, 60),
        "orders": Rate(120, 60),
    }
    assert rates(ENVIRONMENT="development") == {}
    assert rates(ENVIRONMENT="development", THROTTLE_SIGN_IN="9/s") == {"sign-in": Rate(9, 1)}
