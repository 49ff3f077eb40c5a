"""Dead letters over HTTP: staff see, replay and discard them."""

from typing import Any

import pytest

from ecommerce.deadletters.letters import COLLECTION, DISCARDED, FAILED, LONGEST_ERROR, REPLAYED, WAITING
from ecommerce.registry import engine
from tests.integration.parking import Feed, bytes_of, created, reserved
from tests.integration.people import Person, customer, everything_in, problem_of, staff

LETTERS = "/api/v1/dead-letters"
REASON = {"reason": "mended"}


@pytest.fixture
def feed(databases: None) -> Feed:
    return Feed(engine("payments"))


@pytest.fixture
def clerk(databases: None) -> Person:
    return staff("clerk", "operator")


def mend(feed: Feed, id: str, order: str) -> None:
    feed.engine.database[COLLECTION].update_one({"_id": id}, {"$set": {"edited": bytes_of(created(order))}})


def ids(clerk: Person, **query: str) -> list[str]:
    return [letter["id"] for letter in clerk.get(LETTERS, query).json()["results"]]


def test_staff_see_a_letter_with_its_cause_and_content(feed: Feed, clerk: Person) -> None:
    bad = feed.spoil(created("o1"))
    feed.give(reserved("o1"))
    answer = clerk.get(LETTERS).json()
    assert answer["next"] is None
    (failed,) = [letter for letter in answer["results"] if letter["status"] == FAILED]
    assert failed["id"] == f"payments:{bad}"
    assert (failed["service"], failed["type"], failed["key"], failed["attempts"]) == (
        "payments", "OrderCreated", "o1", 1
    )  # fmt: skip
    assert "malformed" in failed["error"]
    assert failed["content"] == "\\xff broken"


def test_a_replay_takes_the_whole_chain_and_says_what_came_of_it(feed: Feed, clerk: Person) -> None:
    bad = feed.spoil(created("o1"))
    feed.give(reserved("o1"))
    answer = clerk.post(f"{LETTERS}/payments:{bad}/replay", REASON)
    assert answer.status_code == 200
    assert answer.json()["failed"] == f"payments:{bad}"
    assert (answer.json()["taken"], answer.json()["left"]) == ([], 2)
    mend(feed, bad, "o1")
    answer = clerk.post(f"{LETTERS}/payments:{bad}/replay", REASON)
    assert (len(answer.json()["taken"]), answer.json()["left"], answer.json()["error"]) == (2, 0, None)
    assert feed.statuses() == [REPLAYED, REPLAYED]
    letter = feed.engine.database[COLLECTION].find_one({"_id": bad})
    assert letter is not None
    assert (letter["history"][-1]["by"], letter["history"][-1]["reason"]) == ("clerk", "mended")
    assert clerk.post(f"{LETTERS}/payments:{bad}/replay", REASON).json()["taken"] == []


def test_a_discard_says_what_waits_still_and_happens_once(feed: Feed, clerk: Person) -> None:
    bad = feed.spoil(created("o1"))
    feed.give(reserved("o1"))
    path = f"{LETTERS}/payments:{bad}/discard"
    assert clerk.post(path, REASON).json() == {"left": 1}
    assert feed.statuses() == [DISCARDED, WAITING]
    assert problem_of(clerk.post(path, REASON)) == (409, "/problems/not-open", [])


def test_pages_go_through_all_services_without_a_gap(feed: Feed, clerk: Person) -> None:
    for service in ("payments", "shipping", "inventory"):
        its = Feed(engine(service))
        its.engine.take([its.input(created(f"o{n}"), data=b"\xff") for n in range(5)])  # all at one time
    seen: list[str] = []
    query = {"limit": "4"}
    while True:
        answer = clerk.get(LETTERS, query).json()
        seen += [letter["id"] for letter in answer["results"]]
        if answer["next"] is None:
            break
        query["cursor"] = answer["next"]
    assert (len(seen), len(set(seen))) == (15, 15)
    assert len(ids(clerk, service="shipping")) == 5
    assert len(ids(clerk, key="o1")) == 3
    assert ids(clerk, status="DISCARDED") == []
    assert len(ids(clerk, error="malformed", type="OrderCreated", since="1h")) == 15


@pytest.mark.parametrize("text", ["\0", ".*", "(", "[a", "\\", "é" * 2001, "(" * 2000, "x" * 40_000])
def test_a_part_of_an_error_is_a_text_and_no_pattern(feed: Feed, clerk: Person, text: str) -> None:
    def errs(error: str) -> None:
        feed.engine.database[COLLECTION].update_many({}, {"$set": {"error": error[:LONGEST_ERROR]}})

    feed.spoil(created("o1"))
    errs("ValueError: a b c")
    answer = clerk.get(LETTERS, {"error": text})
    assert (answer.status_code, answer.json().get("results")) == (200, [])
    errs(f"ValueError: {text} is not one")
    assert len(ids(clerk, error=f": {text}"[:1500].swapcase())) == 1


@pytest.mark.parametrize("query", ["service=billing", "status=LOST", "since=yesterday", "limit=0", "cursor=x"])
def test_a_wrong_filter_is_named(clerk: Person, query: str) -> None:
    name, _, value = query.partition("=")
    assert problem_of(clerk.get(LETTERS, {name: value})) == (400, "/problems/validation", [name])


def test_a_reason_need_not_be_given(feed: Feed, clerk: Person) -> None:
    bad = feed.spoil(created("o1"))
    assert clerk.send("POST", f"{LETTERS}/payments:{bad}/replay").status_code == 200
    assert clerk.post(f"{LETTERS}/payments:{bad}/discard", {}).status_code == 200


@pytest.mark.parametrize("body", [{"reason": ""}, {"reason": "x" * 501}, {"reason": 7}])
def test_a_reason_is_a_text(feed: Feed, clerk: Person, body: Any) -> None:
    bad = feed.spoil(created("o1"))
    for action in ("replay", "discard"):
        answer = clerk.post(f"{LETTERS}/payments:{bad}/{action}", body)
        assert problem_of(answer) == (400, "/problems/validation", ["reason"])
    assert feed.statuses() == [FAILED]


def test_one_letter_is_seen_with_what_it_holds(feed: Feed, clerk: Person) -> None:
    bad = feed.spoil(created("o1"))
    feed.give(reserved("o1"))
    listed = {letter["id"]: letter for letter in clerk.get(LETTERS).json()["results"]}
    for id, letter in listed.items():
        whole = clerk.get(f"{LETTERS}/{id}").json()
        assert {name: value for name, value in whole.items() if name not in ("payload", "bytes")} == letter
    whole = clerk.get(f"{LETTERS}/payments:{bad}").json()
    assert (whole["bytes"], whole["payload"]) == ("\\xff broken", None)
    (waiting,) = set(listed) - {f"payments:{bad}"}
    whole = clerk.get(f"{LETTERS}/{waiting}").json()
    assert whole["bytes"] == bytes_of(reserved("o1")).decode()
    assert whole["payload"] == {"orderId": "o1", "lines": [{"sku": "S", "quantity": 1}]}


@pytest.mark.parametrize("data", [b"7", b"[1]", b'{"payload": 7}', b"{", b"", b"\xff", b'{"payload": {}} '])
def test_bytes_of_any_kind_are_shown(feed: Feed, clerk: Person, data: bytes) -> None:
    bad = feed.spoil(created("o1"), data)
    whole = clerk.get(f"{LETTERS}/payments:{bad}").json()
    assert whole["bytes"] == data.decode(errors="backslashreplace")
    assert whole["payload"] == ({} if b"{}" in data else None)


def test_a_dry_run_says_what_would_come_of_it_and_stores_nothing(feed: Feed, clerk: Person) -> None:
    bad = feed.spoil(created("o1"))
    feed.give(reserved("o1"))
    before = everything_in("payments")
    failing = clerk.post(f"{LETTERS}/payments:{bad}/dry-run").json()
    assert "malformed" in failing.pop("error")
    assert failing == {"events": [], "before": None, "after": None}
    assert everything_in("payments") == before
    mend(feed, bad, "o1")
    before = everything_in("payments")
    tried = clerk.post(f"{LETTERS}/payments:{bad}/dry-run").json()
    assert tried["error"] is None
    assert [event["eventType"] for event in tried["events"]] == ["AuthorizationRequested"]
    assert tried["events"][0]["payload"]["orderId"] == "o1"
    assert set(tried["before"]) == set(tried["after"])
    assert tried["before"]["amount"] in (None, 0)
    assert tried["after"]["amount"] == 100
    assert '"a"' not in str(tried)
    assert everything_in("payments") == before
    clerk.post(f"{LETTERS}/payments:{bad}/replay", REASON)
    closed = clerk.post(f"{LETTERS}/payments:{bad}/dry-run")
    assert problem_of(closed) == (409, "/problems/not-open", [])


@pytest.mark.parametrize("id", ["payments:orders.events:0:99:00000000", "billing:x", "nothing", "payments:"])
def test_one_that_there_is_not_is_not_found(clerk: Person, id: str) -> None:
    for action in ("replay", "discard", "dry-run"):
        assert problem_of(clerk.post(f"{LETTERS}/{id}/{action}", REASON))[0] == 404
    assert problem_of(clerk.get(f"{LETTERS}/{id}"))[0] == 404


def test_customers_and_strangers_see_nothing(feed: Feed, clerk: Person) -> None:
    bad = feed.spoil(created("o1"))
    for person, status in ((customer("alice"), 403), (Person(), 401)):
        assert person.get(LETTERS).status_code == status
        assert person.get(f"{LETTERS}/payments:{bad}").status_code == status
        for action in ("replay", "discard", "dry-run"):
            assert person.post(f"{LETTERS}/payments:{bad}/{action}", REASON).status_code == status
    assert feed.statuses() == [FAILED]
