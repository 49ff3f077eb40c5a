"""Tickets for the live view: good once, for a moment, and for what the access token says."""

import jwt
import pytest

from ecommerce.memory import memory
from ecommerce.platform import tickets
from tests.integration.people import Person, customer, problem_of, staff
from tests.servers import Servers
from tests.waiting import until

TICKET = "/api/v1/auth/ws-ticket"


@pytest.fixture
def alice(databases: None) -> Person:
    memory(patience=1.0).flushdb()
    return customer("alice")


def stored() -> bytes:
    """The key of the one ticket that there is."""
    (found,) = memory(patience=1.0).keys("*ws-ticket:*")  # type: ignore[misc]
    return bytes(found)


def ticket_of(person: Person) -> str:
    answer = person.post(TICKET)
    assert answer.status_code == 200, answer.content
    assert list(answer.json()) == ["ticket"]
    return str(answer.json()["ticket"])


def test_a_ticket_is_good_once_and_says_who_holds_it(alice: Person) -> None:
    ticket = ticket_of(alice)
    holder = tickets.spend(ticket)
    claims = jwt.decode(alice.access, options={"verify_signature": False})
    assert holder == tickets.Holder(user_id=alice.id, scopes=frozenset(), expires=claims["exp"])
    assert tickets.spend(ticket) is None


def test_it_has_the_rights_of_the_token(alice: Person) -> None:
    holder = tickets.spend(ticket_of(staff("sue", "support")))
    assert holder is not None
    assert {"orders:read", "orders:cancel"} <= holder.scopes
    assert "pipeline:read" not in holder.scopes


def test_it_is_gone_after_half_a_minute(alice: Person) -> None:
    ticket = ticket_of(alice)
    redis, name = memory(patience=1.0), stored()
    assert 0 < int(redis.ttl(name)) <= 30  # type: ignore[arg-type]
    redis.pexpire(name, 1)
    until("it to be gone", lambda: not redis.exists(name))
    assert tickets.spend(ticket) is None


def test_what_redis_holds_opens_nothing(alice: Person) -> None:
    ticket = ticket_of(alice)
    name = stored().decode()
    assert ticket not in name
    assert tickets.spend(name.rpartition(":")[2]) is None
    assert tickets.spend(ticket) is not None


@pytest.mark.parametrize("given", ["", "x", "x" * 100_000, "é\ud800", "*"])
def test_what_is_no_ticket_opens_nothing(alice: Person, given: str) -> None:
    ticket_of(alice)
    assert tickets.spend(given) is None


def test_who_is_not_signed_in_gets_none(alice: Person) -> None:
    assert problem_of(Person().post(TICKET)) == (401, "/problems/unauthenticated", [])


def test_without_redis_it_is_for_later(alice: Person, servers: Servers) -> None:
    servers.redis.kill()
    try:
        answer = alice.post(TICKET)
        assert problem_of(answer) == (503, "/problems/unavailable", [])
        assert answer["Retry-After"] == "2"
    finally:
        servers.redis.start()
    assert tickets.spend(ticket_of(alice)) is not None
