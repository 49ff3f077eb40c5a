"""What a page of a list costs in a shop of some size: the API's and the back office's, in this process."""

import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.test import Client

from ecommerce import identity, storage
from ecommerce.http.permissions import Scope
from ecommerce.platform.models import User
from ecommerce.platform.serializers import TokenSerializer
from ecommerce.registry import engine
from orders.domain import Order, OrderLine, Status
from orders.service import ORDER

_AT_ONCE = 5_000
_TIMES = 15
_ADMIN = "/admin/orders/order/"
_API = "/api/v1/orders"


def fill(size: int) -> None:
    """Orders up to `size`, and nothing else of them: of lists only, not of sagas."""
    collection, now = engine("orders").database[ORDER.collection], identity.now()
    for start in range(collection.estimated_document_count(), size, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, size))
        collection.insert_many([_order(number, now - timedelta(seconds=number)) for number in numbers], ordered=False)


def _order(number: int, at: Any) -> storage.Document:
    status = Status.PENDING if number % 1_000 == 0 else (Status.CANCELLED if number % 10 == 0 else Status.COMPLETED)
    items = (OrderLine(sku=f"SKU-{number % 5_000}", quantity=1, unit_price=100),)
    state = Order(order_id=identity.new_id(), customer_id=f"c{number % 50_000}", status=status, items=items)
    known = {"v": 1, "stamp": 0, "parked": int(number % 20_000 == 0), "created_at": at, "updated_at": at}
    return storage.document_of(ORDER, state.order_id, state) | known


def pages() -> dict[str, float]:
    """Milliseconds (median) of each page."""
    staff, _ = User.objects.get_or_create(username="pages", defaults={"is_staff": True, "is_superuser": True})
    browser = Client()
    browser.force_login(staff)
    token = TokenSerializer.get_token(staff).access_token  # type: ignore[attr-defined]
    assert str(Scope.ORDERS_READ) in token["scope"]
    program = Client(headers={"authorization": f"Bearer {token}"})
    following = program.get(_API, {"limit": "100"}).json()["next"]
    return {
        "API, first page": _took(lambda: program.get(_API)),
        "API, next page": _took(lambda: program.get(_API, {"cursor": following})),
        "API, by status": _took(lambda: program.get(_API, {"status": "CANCELLED"})),
        "back office, landing": _took(lambda: browser.get("/admin/")),
        "back office, first page": _took(lambda: browser.get(_ADMIN)),
        "back office, 20th page": _took(lambda: browser.get(_ADMIN, {"p": "20"})),
        "back office, by customer": _took(lambda: browser.get(_ADMIN, {"q": "c7"})),
        "back office, by product": _took(lambda: browser.get(_ADMIN, {"q": "SKU-7"})),
        "back office, overdue": _took(lambda: browser.get(_ADMIN, {"needs": "overdue"})),
        "back office, held": _took(lambda: browser.get(_ADMIN, {"needs": "held"})),
    }


def _took(call: Callable[[], Any]) -> float:
    times = []
    for _ in range(_TIMES):
        start = time.perf_counter()
        answer = call()
        times.append(1000 * (time.perf_counter() - start))
        assert answer.status_code == 200, answer.content[:500]
    return statistics.median(times)
