"""OWASP API Security Top 10 (2023): each row names the risk, what somebody tries, and what is answered."""

import hashlib
import hmac
import json
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
import redis
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from ecommerce import settings as production
from ecommerce.environment import Rate
from ecommerce.platform.models import User
from tests.integration.people import ADDRESS, ORDER, ORDERS, PASSWORD, Person, staff

V1 = "/api/v1"
REASON = {"reason": "because"}


@dataclass
class Cast:
    """Who is there, and Alice's order."""

    alice: Person
    bob: Person
    warehouse: Person
    support: Person
    order: str
    nobody: Person


@pytest.fixture(scope="module")
def cast(alice: Person, bob: Person, order: str) -> Cast:
    return Cast(alice, bob, staff("wendy", "warehouse"), staff("sue", "support"), order, Person())


def signed_with(**claims: Any) -> Person:
    """Somebody with a token of their own making: `key` and `algorithm` sign it, None leaves a claim out."""
    key, algorithm = claims.pop("key", settings.SIMPLE_JWT["SIGNING_KEY"]), claims.pop("algorithm", "HS256")
    payload = {"sub": "x", "jti": "j", "token_type": "access", "iss": "ecommerce", "aud": "ecommerce", "iat": 0}
    payload |= {"exp": int(time.time()) + 60, "is_staff": True, "scope": "orders:read"} | claims
    return Person(access=jwt.encode({k: v for k, v in payload.items() if v is not None}, key, algorithm))


def carrier(body: bytes, *, age: int = 0, secret: str = "", altered: bytes = b"") -> Any:
    """What somebody tells in the carrier's name."""
    at = int(time.time()) - age
    key = (secret or settings.CARRIER_WEBHOOK_SECRET).encode()
    signature = hmac.new(key, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"carrier-signature": f"t={at},v1={signature}"}
    return Client().generic(
        "POST", f"{V1}/webhooks/carrier", altered or body, content_type="application/json", headers=headers
    )


def line(**changes: Any) -> dict[str, Any]:
    return ORDER | {"items": [ORDER["items"][0] | changes]}


def registers(cast: Cast, **more: Any) -> Any:
    return cast.nobody.post(f"{V1}/auth/register", {"username": "mallory", "password": PASSWORD} | more)


def signs_in(cast: Cast, **more: Any) -> Any:
    return cast.nobody.post(f"{V1}/auth/token", {"username": "mallory", "password": PASSWORD} | more)


def adjusts(who: Person, by: int) -> Any:
    return who.post(f"{V1}/stock/CUP/adjustments", {"delta": by, "reason": "mine now"})


def orders_twice_with_one_key(cast: Cast) -> Any:
    cast.alice.post(ORDERS, ORDER, key="k1")
    return cast.alice.post(ORDERS, line(quantity=9), key="k1")


def with_another_method(header: str) -> Any:
    return Client().get(f"{V1}/products", headers={header: "DELETE"})


FORGED = Client(enforce_csrf_checks=True)
NOTICE = json.dumps({"order": "o", "status": "accepted", "trackingNumber": "T"}).encode()
Ask = Callable[[Cast], Any]
API1 = "API1 Broken Object Level Authorization"
API2 = "API2 Broken Authentication"
API3 = "API3 Broken Object Property Level Authorization"
API4 = "API4 Unrestricted Resource Consumption"
API5 = "API5 Broken Function Level Authorization"
API6 = "API6 Unrestricted Access to Sensitive Business Flows"
API7 = "API7 Server Side Request Forgery"
API8 = "API8 Security Misconfiguration"
API9 = "API9 Improper Inventory Management"
API10 = "API10 Unsafe Consumption of APIs"

ROWS: list[tuple[str, str, Ask, int]] = [
    (API1, "read another's order", lambda c: c.bob.get(f"{ORDERS}/{c.order}"), 404),
    (API1, "read another's timeline", lambda c: c.bob.get(f"{ORDERS}/{c.order}/timeline"), 404),
    (API1, "read another's payment", lambda c: c.bob.get(f"{V1}/payments/{c.order}"), 404),
    (API1, "read another's shipment", lambda c: c.bob.get(f"{V1}/shipments/{c.order}"), 404),
    (API1, "cancel another's order", lambda c: c.bob.post(f"{ORDERS}/{c.order}/cancel", REASON), 404),
    (API1, "read an order with an operator for its id", lambda c: c.bob.get(f"{ORDERS}/%7B%22$ne%22:1%7D"), 404),
    (API1, "read an order without a right to orders", lambda c: c.warehouse.get(f"{ORDERS}/{c.order}"), 404),
    (API2, "no token", lambda c: c.nobody.get(ORDERS), 401),
    (API2, "a token that nobody signed", lambda c: signed_with(key="", algorithm="none").get(ORDERS), 401),
    (API2, "a token that another signed", lambda c: signed_with(key="k" * 40).get(ORDERS), 401),
    (API2, "a token that has expired", lambda c: signed_with(exp=int(time.time()) - 1).get(ORDERS), 401),
    (API2, "a token without an end", lambda c: signed_with(exp=None).get(ORDERS), 401),
    (API2, "a token of another issuer", lambda c: signed_with(iss="elsewhere").get(ORDERS), 401),
    (API2, "a token for another audience", lambda c: signed_with(aud="elsewhere").get(ORDERS), 401),
    (API2, "a refresh token for an access token", lambda c: signed_with(token_type="refresh").get(ORDERS), 401),
    (API2, "the secret of sessions for the tokens'", lambda c: signed_with(key=settings.SECRET_KEY).get(ORDERS), 401),
    (API2, "a token in the URL", lambda c: c.nobody.get(ORDERS, {"access": c.alice.access}), 401),
    (API2, "a wrong password", lambda c: signs_in(c, password="wrong"), 401),
    (API2, "a password that everybody has", lambda c: registers(c, password="password123"), 400),
    (API2, "an operator for a password", lambda c: signs_in(c, password={"$ne": ""}), 400),
    (API3, "set a price", lambda c: c.alice.post(ORDERS, line(unitPrice=0.01)), 400),
    (API3, "set a total", lambda c: c.alice.post(ORDERS, ORDER | {"totalAmount": 0.01}), 400),
    (API3, "set a status", lambda c: c.alice.post(ORDERS, ORDER | {"status": "PAID"}), 400),
    (API3, "order in another's name", lambda c: c.alice.post(ORDERS, ORDER | {"customerId": c.bob.id}), 400),
    (API3, "register as staff", lambda c: registers(c, is_staff=True), 400),
    (API3, "register with a scope", lambda c: registers(c, scope="stock:adjust"), 400),
    (API3, "cancel in the staff's name", lambda c: c.alice.post(f"{ORDERS}/x/cancel", REASON | {"by": "STAFF"}), 400),
    (API4, "a body of more than 1 MB", lambda c: c.alice.send("POST", ORDERS, b" " * 1_000_001), 413),
    (API4, "200 KB of nested lists", lambda c: c.alice.send("POST", ORDERS, b"[" * 200_000), 400),
    (API4, "101 lines", lambda c: c.alice.post(ORDERS, ORDER | {"items": ORDER["items"] * 101}), 400),
    (API4, "10³⁰ pieces", lambda c: c.alice.post(ORDERS, line(quantity=10**30)), 400),
    (API4, "a page of a million", lambda c: c.alice.get(ORDERS, {"limit": "1000000"}), 400),
    (API4, "a wait of an hour", lambda c: c.alice.get(f"{ORDERS}/{c.order}", {"wait": "3600"}), 400),
    (API4, "a password that takes long to hash", lambda c: signs_in(c, password="x" * 129), 400),
    (API4, "a key of 256 characters", lambda c: c.alice.post(ORDERS, ORDER, key="k" * 256), 400),
    (API5, "a customer adjusts stock", lambda c: adjusts(c.bob, 1000), 403),
    (API5, "a customer refunds an own order", lambda c: c.alice.post(f"{V1}/payments/{c.order}/refund", REASON), 403),
    (API5, "a customer reads dead letters", lambda c: c.bob.get(f"{V1}/dead-letters"), 403),
    (API5, "a customer replays one", lambda c: c.bob.post(f"{V1}/dead-letters/orders:x/replay", REASON), 403),
    (API5, "a customer sees the pipeline", lambda c: c.bob.get(f"{V1}/pipeline"), 403),
    (API5, "a customer opens the admin", lambda c: c.bob.get("/admin/orders/order/"), 302),
    (API5, "warehouse refunds", lambda c: c.warehouse.post(f"{V1}/payments/{c.order}/refund", REASON), 403),
    (API5, "support refunds", lambda c: c.support.post(f"{V1}/payments/{c.order}/refund", REASON), 403),
    (API5, "support adjusts stock", lambda c: adjusts(c.support, 1000), 403),
    (API5, "an order is deleted", lambda c: c.alice.send("DELETE", f"{ORDERS}/{c.order}"), 405),
    (API5, "a method by a header", lambda c: with_another_method("x-http-method-override"), 200),
    (API6, "a key again, for another order", lambda c: orders_twice_with_one_key(c), 422),
    (API6, "an order for less than nothing", lambda c: c.alice.post(ORDERS, line(quantity=-5)), 400),
    (API6, "more taken out of stock than there is", lambda c: adjusts(c.warehouse, -(10**8)), 409),
    (API7, "a URL to call back", lambda c: c.alice.post(ORDERS, ORDER | {"callbackUrl": "http://h/"}), 400),
    (API8, "another host's name", lambda c: Client(SERVER_NAME="evil.example").get("/admin/login/"), 400),
    (API8, "TRACE", lambda c: c.alice.send("TRACE", ORDERS), 405),
    (API8, "XML", lambda c: c.alice.send("POST", ORDERS, b"<!DOCTYPE a><a/>", type="application/xml"), 415),
    (API8, "a form", lambda c: c.alice.send("POST", ORDERS, b"a=1", type="application/x-www-form-urlencoded"), 415),
    (API8, "a form of the admin without its token", lambda c: FORGED.post("/admin/login/", {}), 403),
    (API8, "a path above the root", lambda c: Client().get("/static/../../.env"), 404),
    (API9, "a version that is not there", lambda c: c.alice.get("/api/v2/orders"), 404),
    (API9, "a version that never was", lambda c: c.alice.get("/api/v0/orders"), 404),
    (API9, "an order without a version", lambda c: c.alice.get("/api/orders"), 404),
    (API9, "Stripe's webhook of a shop without Stripe", lambda c: c.nobody.post(f"{V1}/webhooks/stripe", {}), 404),
    (API10, "a notice without a signature", lambda c: c.nobody.post(f"{V1}/webhooks/carrier", {}), 401),
    (API10, "a notice that another signed", lambda c: carrier(NOTICE, secret="s" * 32), 401),
    (API10, "a notice that was altered", lambda c: carrier(NOTICE, altered=NOTICE.replace(b'"T"', b'"U"')), 401),
    (API10, "a notice of yesterday, again", lambda c: carrier(NOTICE, age=86_400), 401),
    (API10, "a notice of tomorrow", lambda c: carrier(NOTICE, age=-86_400), 401),
    (API10, "a signed notice that says nothing", lambda c: carrier(b"{}"), 400),
    (API10, "a signed notice with an operator", lambda c: carrier(b'{"order": {"$ne": 1}, "status": "accepted"}'), 400),
    (API10, "a signed notice about an order that never was", lambda c: carrier(NOTICE), 202),
]  # fmt: skip


@pytest.mark.parametrize(("risk", "tried", "ask", "status"), ROWS, ids=[f"{r.split()[0]}: {t}" for r, t, *_ in ROWS])
def test_what_is_tried_is_answered_so(cast: Cast, risk: str, tried: str, ask: Ask, status: int) -> None:
    answer = ask(cast)
    assert answer.status_code == status, answer.content
    if status >= 400 and "admin" not in tried and "host" not in tried and "root" not in tried:
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == status
    text = answer.content.decode(errors="replace")
    assert [word for word in ("Traceback", "pymongo", "site-packages", "django.") if word in text] == []


def test_every_risk_has_its_rows() -> None:
    assert [f"API{n}" for n in range(1, 11)] == list(dict.fromkeys(risk.split()[0] for risk, *_ in ROWS))


SEALED = {"sealed", "fingerprint", "shippingAddress", "paymentMethod", "payment_token", "paymentToken", "password"}


@pytest.mark.parametrize("path", ["orders/{}", "orders/{}/timeline", "payments/{}", "shipments/{}"])
def test_api3_no_answer_has_a_property_that_is_not_for_its_reader(cast: Cast, path: str) -> None:
    for who in (cast.alice, cast.support):
        text = who.get(f"{V1}/{path.format(cast.order)}").content.decode()
        names = set(re.findall(r'"(\w+)":', text))
        assert names & SEALED == set()
        assert ADDRESS["line1"] not in text


@pytest.mark.parametrize(
    ("rate", "ask", "statuses"),
    [
        ("user", lambda c: c.alice.get(ORDERS), [200, 200, 429]),
        ("address", lambda c: c.nobody.get(f"{V1}/products"), [200, 200, 429]),
        ("sign-in", lambda c: c.nobody.post(f"{V1}/auth/register", {}), [400, 400, 429]),
        ("orders", lambda c: c.alice.post(ORDERS, ORDER), [201, 201, 429]),
    ],
)
def test_api4_and_api6_who_asks_too_often_waits(cast: Cast, rate: str, ask: Ask, statuses: list[int]) -> None:
    redis.Redis.from_url(settings.REDIS_URL).flushall()
    rates, settings.THROTTLE_RATES = settings.THROTTLE_RATES, {rate: Rate(2, 3600)}
    try:
        assert [ask(cast).status_code for _ in range(3)] == statuses
    finally:
        settings.THROTTLE_RATES = rates


def test_api7_nothing_is_fetched_that_a_customer_names(cast: Cast) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        named = ORDER | {"paymentMethod": url, "shippingAddress": ADDRESS | {"line1": url}}
        assert cast.alice.post(ORDERS, named).status_code == 201
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_api8_no_other_site_may_read_what_is_answered(cast: Cast) -> None:
    answer = Client().get(f"{V1}/products", headers={"origin": "https://evil.example"})
    assert [name for name in answer.headers if name.lower().startswith("access-control-")] == []


def test_api9_what_is_served_is_what_is_described(cast: Cast) -> None:
    def served(resolver: URLResolver, prefix: str = "/") -> set[str]:
        found: set[str] = set()
        for each in resolver.url_patterns:
            path = prefix + str(each.pattern)
            found |= served(each, path) if isinstance(each, URLResolver) else {path}
            assert isinstance(each, URLPattern | URLResolver)
        return found

    def anonymous(path: str) -> str:
        return re.sub(r"[<{][^>}]*[>}]", "{}", path)

    described = {anonymous(path) for path in json.loads(Client().get("/api/schema").content)["paths"]}
    assert {anonymous(path) for path in served(get_resolver()) if path.startswith("/api/v")} == described


def test_passwords_are_stored_as_argon2(cast: Cast, settings: Any) -> None:
    assert {user.password.split("$")[0] for user in User.objects.all()} == {"argon2"}
    settings.PASSWORD_HASHERS = production.PASSWORD_HASHERS
    assert Person().post("/api/v1/auth/register", {"username": "ada", "password": PASSWORD}).status_code == 201
    stored = User.objects.get(username="ada").password
    assert stored.startswith("argon2$argon2id$v=19$m=102400,t=2,p=8$")
