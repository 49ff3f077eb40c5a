"""Who uses the shop in tests: registered, signed in and heard through the API, in this process."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.contrib.auth.models import Group
from django.db import connections
from django.test import Client

from ecommerce import identity, storage
from ecommerce.platform import roles
from ecommerce.platform.models import User
from ecommerce.registry import engine
from inventory.events import ProductUpserted
from inventory.messages import AdjustStock, PutProduct

PASSWORD = "a-long-way-from-common"
ORDERS = "/api/v1/orders"
ADDRESS = {"name": "Ann Lee", "line1": "1 Quay", "city": "Bristol", "postalCode": "BS1 1AA", "country": "GB"}
ORDER: dict[str, Any] = {
    "items": [{"sku": "CUP", "quantity": 2}],
    "paymentMethod": "tok_visa",
    "shippingAddress": ADDRESS,
}


@dataclass
class Person:
    """Somebody with an HTTP client and, once signed in, an access token."""

    name: str = "nobody"
    access: str = ""
    client: Client = field(default_factory=Client)

    def get(self, path: str, query: dict[str, str] | None = None, *, known: str = "") -> Any:
        headers = self._headers() | ({"if-none-match": known} if known else {})
        return self.client.get(path, query or {}, headers=headers)

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        return self.send("POST", path, json.dumps(body).encode(), key=key)

    def send(
        self, method: str, path: str, data: bytes = b"", *, type: str = "application/json", key: str | None = None
    ) -> Any:
        headers = self._headers() | ({"idempotency-key": key} if key is not None else {})
        return self.client.generic(method, path, data, content_type=type, headers=headers)

    def order(self, **changes: Any) -> str:
        """Places an order and gives its id."""
        answer = self.post(ORDERS, ORDER | changes)
        assert answer.status_code == 201, answer.content
        return str(answer.json()["orderId"])

    @cached_property
    def id(self) -> str:
        return str(User.objects.get(username=self.name).pk)

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.access}"} if self.access else {}


def sign_in(name: str) -> tuple[str, str]:
    """Access and refresh token."""
    answer = Person().post("/api/v1/auth/token", {"username": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.content
    return answer.json()["access"], answer.json()["refresh"]


def customer(name: str) -> Person:
    """A new customer, signed in."""
    answer = Person().post("/api/v1/auth/register", {"username": name, "password": PASSWORD})
    assert answer.status_code == 201, answer.content
    return Person(name, sign_in(name)[0])


def staff(name: str, *of: str, **rights: bool) -> Person:
    """A new member of the back office with these roles, signed in; nobody registers as one."""
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True, **rights)
    if of:
        roles.establish()
        user.groups.set(Group.objects.filter(name__in=of))
    return Person(name, sign_in(name)[0])


def stock_the_shop() -> None:
    """100 cups at 12.50 USD, also where prices are asked."""
    put = PutProduct(sku="CUP", name="Cup", price=1250, currency="USD")
    engine("inventory").execute(put, id="put")
    engine("inventory").execute(AdjustStock(sku="CUP", delta=100, reason="came in", by="staff"), id="came-in")
    known = ProductUpserted(sku="CUP", name="Cup", price=1250, currency="USD", revision=1)
    engine("orders").execute(known, id=identity.derived_id("known"))


def everything_in(service: str) -> dict[str, list[Any]]:
    """All documents of a service's database by collection: equal before and after, nothing was stored."""
    database = connections[service].database
    names = sorted(set(database.list_collection_names()) - {storage.HEARTBEATS})  # those change by themselves
    return {name: list(database[name].find(sort=[("_id", 1)])) for name in names}


def problem_of(answer: Any) -> tuple[int, str, list[str]]:
    """Status, type and the fields at fault of a problem document."""
    assert answer["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == answer.status_code
    return answer.status_code, document["type"], [error["field"] for error in document.get("errors", [])]
