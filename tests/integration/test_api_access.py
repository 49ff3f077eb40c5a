"""What is another's, where pages begin, and what a repetition gives."""

import base64
import json
from typing import Any

import pytest

from ecommerce.registry import engine
from orders import selectors
from tests.integration.people import ORDER, ORDERS, Person, customer, everything_in, problem_of

ABSENT = "01900000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def bob(shop: None) -> Person:
    return customer("bob")


@pytest.fixture(scope="module")
def of_alice(alice: Person) -> str:
    """An order of hers that payments and shipping know of."""
    order_id = alice.order()
    _, created = selectors.first_answer(order_id)
    for service in ("payments", "shipping"):
        engine(service).execute(created.payload, id=created.event_id)
    return order_id


def without_ids(answer: Any) -> dict[str, str]:
    """The headers, but for what each request has of its own."""
    own = {"X-Request-ID", "traceparent"}
    assert own <= answer.headers.keys()
    return {name: value for name, value in answer.headers.items() if name not in own}


READS = [f"{ORDERS}/{{}}", f"{ORDERS}/{{}}/timeline", "/api/v1/payments/{}", "/api/v1/shipments/{}"]


@pytest.mark.parametrize("path", READS)
def test_anothers_order_is_as_absent_as_one_that_never_was(
    alice: Person, bob: Person, worker: Person, of_alice: str, path: str
) -> None:
    assert alice.get(path.format(of_alice)).status_code == 200
    assert worker.get(path.format(of_alice)).status_code == 200
    others, absent = bob.get(path.format(of_alice)), bob.get(path.format(ABSENT))
    assert problem_of(others) == (404, "/problems/not-found", [])
    assert others.content == absent.content.replace(ABSENT.encode(), of_alice.encode())
    assert without_ids(others) == without_ids(absent)


def test_anothers_order_cannot_be_cancelled_and_does_not_show(bob: Person, of_alice: str) -> None:
    before = everything_in("orders")
    others = bob.post(f"{ORDERS}/{of_alice}/cancel", {})
    absent = bob.post(f"{ORDERS}/{ABSENT}/cancel", {})
    assert problem_of(others) == (404, "/problems/not-found", [])
    assert others.content == absent.content.replace(ABSENT.encode(), of_alice.encode())
    assert everything_in("orders") == before


def test_a_list_holds_a_customers_own_orders_and_for_staff_all(alice: Person, worker: Person, of_alice: str) -> None:
    dora = customer("dora")
    of_dora = dora.order()

    def listed(who: Person) -> set[str]:
        return {order["orderId"] for order in who.get(ORDERS, {"limit": "100"}).json()["results"]}

    assert of_alice in listed(alice)
    assert of_dora not in listed(alice)
    assert listed(dora) == {of_dora}
    assert {of_alice, of_dora} <= listed(worker)


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


BAD_QUERIES = {
    "status in lower case": {"status": "paid"},
    "status unknown": {"status": "$ne"},
    "status empty": {"status": ""},
    "createdAfter a word": {"createdAfter": "yesterday"},
    "createdAfter a day": {"createdAfter": "2026-01-31"},
    "createdAfter no such day": {"createdAfter": "2026-02-30T00:00:00Z"},
    "createdAfter without a zone": {"createdAfter": "2026-01-31T00:00:00"},
    "createdAfter empty": {"createdAfter": ""},
    "createdAfter before all time": {"createdAfter": "0001-01-01T00:00:00+14:00"},
    "createdBefore after all time": {"createdBefore": "9999-12-31T23:59:59-14:00"},
    "createdBefore a number": {"createdBefore": "1769860800"},
    "limit 0": {"limit": "0"},
    "limit 101": {"limit": "101"},
    "limit negative": {"limit": "-1"},
    "limit with a fraction": {"limit": "1.5"},
    "limit a word": {"limit": "all"},
    "limit empty": {"limit": ""},
    "limit in Arabic digits": {"limit": "٣"},
    "limit behind zeros": {"limit": "000000001000"},
    "limit of 5,000 digits": {"limit": "000000001" + "0" * 5000},
    "cursor garbage": {"cursor": "garbage"},
    "cursor beyond ASCII": {"cursor": "é"},
    "cursor no base64": {"cursor": "!!!!"},
    "cursor of bytes": {"cursor": base64.urlsafe_b64encode(b"\xff\xfe|\xfd").decode()},
    "cursor without an id": {"cursor": cursor("2026-01-31T00:00:00+00:00")},
    "cursor of three parts": {"cursor": cursor("2026-01-31T00:00:00+00:00|a|b")},
    "cursor without a time": {"cursor": cursor("yesterday|a")},
    "cursor without a zone": {"cursor": cursor("2026-01-31T00:00:00|a")},
    "cursor before all time": {"cursor": cursor("0001-01-01T00:00:00+14:00|a")},
}


@pytest.mark.parametrize("query", BAD_QUERIES.values(), ids=BAD_QUERIES.keys())
def test_a_wrong_question_is_refused_by_name(alice: Person, query: dict[str, str]) -> None:
    assert problem_of(alice.get(ORDERS, query)) == (400, "/problems/validation", list(query))


def test_pages_hold_every_order_once_newest_first(worker: Person) -> None:
    carol = customer("carol")
    placed = [carol.order() for _ in range(5)]
    seen: list[str] = []
    query = {"limit": "2"}
    for length in (2, 2, 1):
        page = carol.get(ORDERS, query).json()
        assert len(page["results"]) == length
        seen += [order["orderId"] for order in page["results"]]
        query["cursor"] = page["next"]
    assert page["next"] is None
    assert sorted(seen) == sorted(placed)
    times = [order["createdAt"] for order in carol.get(ORDERS).json()["results"]]
    assert times == sorted(times, reverse=True)


def test_the_same_key_and_body_give_the_first_answer_byte_for_byte(alice: Person) -> None:
    first = alice.post(ORDERS, ORDER, key="once")
    stored = everything_in("orders")
    # Spelled in another way it is the same body.
    reordered = json.dumps(dict(reversed(ORDER.items())), indent=2).encode()
    again, spelled = alice.post(ORDERS, ORDER, key="once"), alice.send("POST", ORDERS, reordered, key="once")
    assert [answer.status_code for answer in (first, again, spelled)] == [201, 201, 201]
    assert first.content == again.content == spelled.content
    assert everything_in("orders") == stored


def test_the_same_key_with_another_body_is_refused(alice: Person) -> None:
    alice.post(ORDERS, ORDER, key="twice")
    stored = everything_in("orders")
    other = alice.post(ORDERS, ORDER | {"paymentMethod": "tok_declined"}, key="twice")
    assert problem_of(other) == (422, "/problems/key-reused", [])
    assert everything_in("orders") == stored


def test_a_key_is_its_callers_own(alice: Person, bob: Person) -> None:
    answers = [who.post(ORDERS, ORDER, key="shared").json()["orderId"] for who in (alice, bob)]
    assert len(set(answers)) == 2


def test_a_refused_order_leaves_its_key_free(alice: Person) -> None:
    unknown: dict[str, Any] = ORDER | {"items": [{"sku": "NONE", "quantity": 1}]}
    assert alice.post(ORDERS, unknown, key="free").status_code == 400
    assert alice.post(ORDERS, ORDER, key="free").status_code == 201


@pytest.mark.parametrize("key", ["", "k" * 256, "a\tb", "é"])
def test_a_key_is_1_to_255_printable_characters(alice: Person, key: str) -> None:
    before = everything_in("orders")
    assert problem_of(alice.post(ORDERS, ORDER, key=key)) == (400, "/problems/validation", ["Idempotency-Key"])
    assert everything_in("orders") == before


def test_a_key_of_255_characters_is_taken(alice: Person) -> None:
    assert alice.post(ORDERS, ORDER, key="k" * 255).status_code == 201


METHODS = {
    ORDERS: ("DELETE", {"GET", "HEAD", "POST"}),
    f"{ORDERS}/{ABSENT}": ("PUT", {"GET", "HEAD"}),
    f"{ORDERS}/{ABSENT}/timeline": ("POST", {"GET", "HEAD"}),
    f"{ORDERS}/{ABSENT}/cancel": ("GET", {"POST"}),
    "/api/v1/products": ("POST", {"GET", "HEAD"}),
    "/api/v1/stock/CUP": ("PATCH", {"GET", "HEAD"}),
    "/api/v1/stock/CUP/adjustments": ("GET", {"POST"}),
    f"/api/v1/payments/{ABSENT}": ("DELETE", {"GET", "HEAD"}),
    f"/api/v1/shipments/{ABSENT}": ("POST", {"GET", "HEAD"}),
    "/api/v1/auth/register": ("GET", {"POST"}),
    "/api/v1/auth/token": ("GET", {"POST"}),
    "/api/v1/auth/token/refresh": ("PUT", {"POST"}),
    "/api/v1/auth/logout": ("DELETE", {"POST"}),
    "/api/v1/auth/ws-ticket": ("GET", {"POST"}),
    f"{ORDERS}/{ABSENT}/events/{ABSENT}": ("POST", {"GET", "HEAD"}),
    "/api/v1/pipeline": ("POST", {"GET", "HEAD"}),
}


@pytest.mark.parametrize(("path", "method", "allowed"), [(path, *each) for path, each in METHODS.items()])
def test_a_method_that_a_resource_has_not_is_a_problem(
    worker: Person, path: str, method: str, allowed: set[str]
) -> None:
    answer = worker.send(method, path)
    assert problem_of(answer) == (405, "/problems/method-not-allowed", [])
    assert {each.strip() for each in answer["Allow"].split(",")} == allowed | {"OPTIONS"}


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/orders", "/api/v1/orders/", f"{ORDERS}/a/b/c", "/x"])
def test_a_path_that_nothing_serves_is_a_problem(worker: Person, path: str) -> None:
    assert problem_of(worker.get(path)) == (404, "/problems/not-found", [])


@pytest.mark.parametrize("id", ["$ne", "%00", "%FF", "a:b", "x" * 5000, "..%2F..", "🫖"])
def test_an_id_that_is_none_is_absent(worker: Person, id: str) -> None:
    for path in READS:
        assert problem_of(worker.get(path.format(id))) == (404, "/problems/not-found", [])
