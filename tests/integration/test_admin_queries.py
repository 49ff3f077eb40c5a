"""No page of the back office counts or walks a large collection: what it examines does not grow with the shop."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connections
from django.db.models import Model
from django.test import Client
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from ecommerce import identity, storage
from ecommerce.http.pagination import page as paged
from ecommerce.http.shapes import Page
from ecommerce.platform.models import User
from ecommerce.registry import engine
from orders import selectors
from orders.domain import Order as State
from orders.domain import OrderLine
from orders.models import Order
from orders.service import ORDER
from tests.integration.clerks import clerk, page, text
from tests.integration.profiling import queries, scans

MANY = 2_000
# What one page may look at, whatever the shop has: a page of rows, and one more look-up or two for each.
PAGE = 250
# Users and groups are Django's own pages: of staff there are few.
MODELS = [model for model in admin.site._registry if model not in (User, Group)]


@pytest.fixture(scope="module")
def root(module_databases: None) -> Client:
    now = identity.now()
    rows = []
    for number in range(MANY):
        status = ("PENDING", "RESERVED", "PAID", "COMPLETED", "CANCELLED")[number % 5]
        items = (OrderLine(sku="CUP" if number % 100 else "MUG", quantity=1, unit_price=100),)
        state = State(order_id=f"o{number}", customer_id=f"c{number % 40}", status=status, items=items)  # type: ignore[arg-type]
        known = {"v": 1, "stamp": 0, "parked": int(not number % 500), "updated_at": now}
        rows.append(storage.document_of(ORDER, state.order_id, state) | known | {"created_at": now - timedelta(number)})
    engine("orders").database["orders"].insert_many(rows)
    return clerk("root", is_superuser=True)


def check(root: Client, url: str, query: dict[str, str] | None = None) -> None:
    with queries() as found:
        text(root, url, query)
    assert found
    # The sessions and permissions of whoever asks are read by every page.
    assert (
        scans([each for each in found if not each.plan.startswith(("platform.auth_", "platform.django_content"))]) == []
    )
    assert [(each.plan, each.examined) for each in found if each.examined > PAGE] == []
    assert [each.command for each in found if "count" in each.command or "$count" in repr(each.command)] == []


QUERIES = [
    {},
    {"p": "3"},
    {"q": "o7"},
    {"q": "c7"},
    {"q": "MUG"},
    {"q": "nothing"},
    {"o": "4.-2"},
    {"status": "PAID"},
    {"needs": "attention"},
    {"needs": "held"},
    {"needs": "overdue"},
    {"needs": "held", "status": "PAID"},
    {"created_at__gte": "2020-01-01 00:00:00+00:00"},
    {"status": "PAID", "created_at__gte": "2020-01-01 00:00:00+00:00"},
]


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_lists_of_orders_look_at_a_page_of_them(root: Client, query: dict[str, str]) -> None:
    check(root, page(Order, "changelist"), query)


@pytest.mark.parametrize("customer", [None, "c7"])
@pytest.mark.parametrize("status", [None, "PAID"])
@pytest.mark.parametrize("cursor", ["", "second"])
def test_lists_of_the_api_look_at_a_page_of_them(
    root: Client, customer: str | None, status: str | None, cursor: str
) -> None:
    def ask(**query: str) -> Page[str]:
        request = APIView().initialize_request(APIRequestFactory().get("/", {"limit": "5"} | query))
        found = selectors.orders(customer_id=customer, status=status, after=None, before=None)
        return paged(request, found, lambda row: str(row.pk))

    following = ask().next if cursor else None
    with queries() as found:
        ask(**({"cursor": following} if following else {}))
    assert [each.plan for each in found if each.examined > PAGE or "COLLSCAN" in each.plan] == []


def test_an_orders_page_looks_at_that_order(root: Client) -> None:
    check(root, page(Order, "change", "o7"))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_every_list_and_search_has_an_index(root: Client, model: type[Model]) -> None:
    check(root, page(model, "changelist"))
    check(root, page(model, "changelist"), {"q": "something"})


def test_a_walk_over_all_orders_would_be_seen(root: Client) -> None:
    with queries() as found:
        list(connections["orders"].database["orders"].find({"customer_id": {"$gte": ""}, "v": 7}, hint="newest"))
    assert [each.examined for each in found] == [MANY]
