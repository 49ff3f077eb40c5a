"""The WebSocket: who may open it, what each is told and how fast, and how it ends."""

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from ecommerce.asgi import application
from ecommerce.http.server import refuse
from ecommerce.memory import key, memory
from ecommerce.registry import engine
from frontend import audience, consumers, hub
from frontend.layer import Update, Voice
from frontend.shapes import update_of
from orders import selectors
from tests.integration.listening import Listener, listening, web_server
from tests.integration.parking import Feed, reserved
from tests.integration.people import Person, customer, staff, stock_the_shop
from tests.servers import Servers
from tests.waiting import until

TICKET = "/api/v1/auth/ws-ticket"


@pytest.fixture(scope="module")
def url(module_databases: None) -> Iterator[str]:
    with web_server(application) as url:
        yield url


@pytest.fixture(scope="module")
def people(module_databases: None) -> dict[str, Person]:
    stock_the_shop()
    everybody = {name: customer(name) for name in ("alice", "bob", "carol")}
    return everybody | {"sue": staff("sue", "support"), "olga": staff("olga", "support", "operator")}


@pytest.fixture
def voice(url: str) -> Iterator[Voice]:
    with asyncio.Runner() as runner:
        yield Voice(runner)


def ticket_of(person: Person) -> str:
    return str(person.post(TICKET).json()["ticket"])


def said(order: str) -> Update:
    """An order as the projection tells it."""
    (found,) = selectors.some([order])
    return update_of(found)


def changed(order: str) -> Update:
    """The same after its goods were reserved."""
    Feed(engine("orders")).give(reserved(order))
    return said(order)


def made_up(order: str, version: int, customer: str) -> Update:
    return Update(customer, order, version, json.dumps({"orderId": order, "version": version, "status": "X"}).encode())


def settled(listener: Listener, voice: Voice) -> None:
    """Has its snapshot, and the second one that a voice not heard before makes it get."""
    listener.hear()
    voice.say()
    listener.until(lambda it: it.types().count("snapshot") == 2)


def test_first_comes_a_snapshot_of_ones_own_orders_as_the_api_has_them(url: str, people: dict[str, Person]) -> None:
    alice, bob = people["alice"], people["bob"]
    own, other = [alice.order(), alice.order()], bob.order()
    with listening(url, ticket_of(alice)) as listener:
        snapshot = listener.hear()
        assert (snapshot["type"], snapshot["pipeline"]) == ("snapshot", None)
        assert [each["orderId"] for each in snapshot["orders"]][:2] == own[::-1]
        assert other not in listener.orders
        for id, told in listener.orders.items():
            assert told.pop("version") >= 1
            assert told == alice.get(f"/api/v1/orders/{id}").json()
    with listening(url, ticket_of(people["sue"])) as listener:
        assert listener.hear()["pipeline"] is None
        assert {*own, other} <= set(listener.orders)


def test_as_long_as_somebody_listens_the_projection_is_told_so(url: str, people: dict[str, Person]) -> None:
    redis, audience_key = memory(patience=1.0), key("live", "audience")
    redis.delete(audience_key)
    assert not audience.listens()
    with listening(url, ticket_of(people["alice"])) as listener:
        listener.hear()
        assert audience.listens()  # already before the snapshot was read
        redis.delete(audience_key)
        until("it to be said again", audience.listens)
        assert 0 < redis.ttl(audience_key) <= 5


def test_a_pipeline_whose_state_takes_long_to_read_does_not_leave_the_projection_unheard(
    url: str, people: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, over = threading.Event(), threading.Event()

    def slow() -> None:
        asked.set()
        over.wait(60)
        raise RuntimeError("out of reach")

    with listening(url, ticket_of(people["olga"])) as listener:
        listener.hear()
        monkeypatch.setattr(hub, "pipeline", slow)
        assert asked.wait(30)
        try:
            memory(patience=1.0).delete(key("live", "audience"))
            until("it to be said again", audience.listens)
        finally:
            over.set()


def test_who_comes_just_when_the_projection_kept_silent_gets_a_new_snapshot(
    url: str, people: dict[str, Person], voice: Voice
) -> None:
    with listening(url, ticket_of(people["alice"])) as listener:
        settled(listener, voice)
        voice.keep_silent()
        voice.say()
        listener.until(lambda it: it.types().count("snapshot") == 3)


def test_a_customer_never_hears_of_anothers_order_and_staff_of_both(
    url: str, people: dict[str, Person], voice: Voice
) -> None:
    orders = {name: people[name].order() for name in ("alice", "bob")}
    with (
        listening(url, ticket_of(people["alice"])) as alice,
        listening(url, ticket_of(people["bob"])) as bob,
        listening(url, ticket_of(people["sue"])) as sue,
    ):
        for each in (alice, bob, sue):
            each.hear()
        voice.say()
        for each in (alice, bob, sue):
            each.until(lambda it: it.types().count("snapshot") == 2)
        for name in ("bob", "alice"):
            voice.say([changed(orders[name])])
        for name in ("bob", "alice"):  # what was said before has been told when this has
            voice.say([made_up(f"last of {name}", 1, people[name].id)])
        for listener, mine in ((alice, ["alice"]), (bob, ["bob"]), (sue, ["alice", "bob"])):
            listener.until(lambda it, mine=mine: {f"last of {name}" for name in mine} <= set(it.orders))
            assert {listener.statuses()[orders[name]] for name in mine} == {"RESERVED"}
        for listener, name in ((alice, "bob"), (bob, "alice")):
            assert orders[name] not in json.dumps(listener.frames)
            assert f"last of {name}" not in json.dumps(listener.frames)


def test_a_burst_is_a_few_frames_with_the_last_state_of_every_order(
    url: str, people: dict[str, Person], voice: Voice
) -> None:
    carol = people["carol"].id
    with listening(url, ticket_of(people["carol"])) as listener:
        settled(listener, voice)
        started, before = time.monotonic(), len(listener.frames)
        for version in range(1, 31):
            voice.say([made_up(f"o{number}", version, carol) for number in range(10)])
        listener.until(lambda it: [it.orders.get(f"o{n}", {}).get("version") for n in range(10)] == [30] * 10)
        frames, seconds = listener.frames[before:], time.monotonic() - started
        assert len(frames) <= 1 + seconds / consumers.FRAME_SECONDS
        told = sum(1 if "order" in frame else len(frame["orders"]) for frame in frames)
        assert told + sum(frame.get("skipped", 0) for frame in frames) == 300
        assert len(frames) < 30


def test_an_older_state_that_comes_late_is_not_told(url: str, people: dict[str, Person], voice: Voice) -> None:
    order = people["carol"].order()
    before = said(order)
    after = changed(order)
    with listening(url, ticket_of(people["carol"])) as listener:
        settled(listener, voice)
        voice.say([before])
        voice.say([after])
        voice.say([made_up("last", 1, people["carol"].id)])
        listener.until(lambda it: "last" in it.orders)
        assert listener.orders[order]["status"] == "RESERVED"
        assert order not in json.dumps([frame for frame in listener.frames if frame["type"] != "snapshot"])


def test_who_misses_something_gets_a_new_snapshot(url: str, people: dict[str, Person], voice: Voice) -> None:
    order = people["carol"].order()
    with listening(url, ticket_of(people["carol"])) as listener:
        settled(listener, voice)
        changed(order)
        voice._number += 1  # a message that nobody heard
        voice.say()
        listener.until(lambda it: it.statuses()[order] == "RESERVED")
        assert listener.types().count("snapshot") == 3


def test_operators_see_the_pipeline_each_second(url: str, people: dict[str, Person]) -> None:
    with listening(url, ticket_of(people["olga"])) as listener:
        assert len(listener.hear()["pipeline"]["services"]) == 4
        listener.until(lambda it: it.types().count("pipeline.stats") == 2)
        stats = next(frame for frame in listener.frames if frame["type"] == "pipeline.stats")
        assert set(stats) == {"type"} | set(people["olga"].get("/api/v1/pipeline").json())


@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_a_page_of_another_site_is_closed(url: str, people: dict[str, Person], origin: str) -> None:
    with listening(url, ticket_of(people["alice"]), origin=origin) as listener:
        assert listener.closed() == 4403
        assert listener.frames == []


def test_a_page_of_this_site_is_welcome(url: str, people: dict[str, Person]) -> None:
    with listening(url, ticket_of(people["alice"]), origin=url) as listener:
        assert listener.hear()["type"] == "snapshot"


def test_a_ticket_opens_once(url: str, people: dict[str, Person]) -> None:
    ticket = ticket_of(people["alice"])
    with listening(url, ticket) as first, listening(url, ticket) as second:
        codes = []
        for each in (first, second):
            try:
                each.hear()
            except ConnectionClosed as error:
                codes.append(error.rcvd and error.rcvd.code)
        assert codes == [4401]
        assert len(first.frames) + len(second.frames) == 1


@pytest.mark.parametrize("ticket", ["", "made-up", "x" * 3000])
def test_what_is_no_ticket_opens_nothing(url: str, ticket: str) -> None:
    with listening(url, ticket) as listener:
        assert listener.closed() == 4401


@pytest.mark.parametrize(
    "message", ["", "{", "7", "{}", '{"ticket": 7}', '{"ticket": "x", "more": 1}', b"x", "x" * 5000]
)
def test_what_is_not_understood_ends_it(url: str, message: str | bytes) -> None:
    with listening(url) as listener:
        listener.socket.send(message)
        assert listener.closed() == 4400


def test_who_says_more_than_the_ticket_is_closed(url: str, people: dict[str, Person]) -> None:
    with listening(url, ticket_of(people["alice"])) as listener:
        listener.hear()
        listener.socket.send("hello")
        assert listener.closed() == 4400


def test_who_shows_no_ticket_is_closed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert consumers.TICKET_SECONDS == 5
    monkeypatch.setattr(consumers, "TICKET_SECONDS", 0.2)
    with listening(url) as listener:
        assert listener.closed() == 4408


def test_it_ends_with_the_token(url: str, people: dict[str, Person], settings: Any) -> None:
    holder = consumers.Holder(user_id=people["alice"].id, scopes=frozenset(), expires=time.time() + 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(consumers.tickets, "spend", lambda ticket: holder)
        with listening(url, "any") as listener:
            assert listener.hear()["type"] == "snapshot"
            assert listener.closed() == 4410
        with listening(url, "any") as listener:  # it has ended by now
            assert listener.closed() == 4401


def test_a_client_that_takes_nothing_is_closed_and_others_go_on(
    people: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert consumers.PATIENCE == 30
    monkeypatch.setattr(consumers, "PATIENCE", 1.0)
    ended: list[str] = []
    monkeypatch.setattr(consumers.log, "warning", lambda said, **_: ended.append(said))
    alice, padding = people["alice"].id, "x" * 20_000
    with web_server(application, buffer=4096) as url, asyncio.Runner() as runner:
        voice, numbers = Voice(runner), itertools.count()

        def large(number: int) -> Update:
            data = json.dumps({"orderId": f"o{number}", "version": 1, "status": "X", "padding": padding})
            return Update(alice, f"o{number}", 1, data.encode())

        with (
            listening(url, ticket_of(people["alice"]), max_queue=1, compression=None) as slow,
            listening(url, ticket_of(people["alice"])) as other,
        ):
            slow.hear()
            settled(other, voice)

            def given_up() -> bool:
                voice.say([large(next(numbers)) for _ in range(20)])
                other.hear()
                return bool(ended)

            until("the slow one to be given up", given_up, seconds=90)
            assert ended == ["a live view ends"]
            assert slow.closed() == 1013  # when it reads on
            voice.say([made_up("last", 1, alice)])
            other.until(lambda it: "last" in it.orders)


def test_without_redis_it_is_for_later_and_afterwards_all_is_told(
    url: str, people: dict[str, Person], voice: Voice, servers: Servers
) -> None:
    order, ticket = people["bob"].order(), ticket_of(people["bob"])
    with listening(url, ticket_of(people["bob"])) as listener:
        settled(listener, voice)
        servers.redis.kill()
        try:
            with listening(url, ticket) as refused:
                assert refused.closed() == 1013
            update = changed(order)
            assert voice.say([update]) is False
        finally:
            servers.redis.start()
        until("redis to be heard again", lambda: voice.say() and "snapshot" in {_next(listener)}, seconds=90)
        listener.until(lambda it: it.statuses()[order] == "RESERVED")
        voice.say([made_up("last", 1, people["bob"].id)])
        listener.until(lambda it: "last" in it.orders)


def _next(listener: Listener) -> str:
    try:
        return str(listener.hear(0.5)["type"])
    except TimeoutError:
        return ""


@pytest.mark.parametrize("path", ["/", "/ws/", "/ws/orders", "/ws/orders/x", "/api/v1/orders"])
def test_nothing_else_is_opened(url: str, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(f"ws{url[4:]}{path}", proxy=None):
        pass
    assert refused.value.response.status_code == 403


def test_a_process_of_one_service_opens_none() -> None:
    with web_server(refuse) as url, pytest.raises(InvalidStatus), connect(f"ws{url[4:]}/ws/orders/", proxy=None):
        pass
