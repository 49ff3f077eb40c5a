"""The first page of the back office, and the menu: today's figures and what needs a person, by what one may see."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from pymongo.errors import ServerSelectionTimeoutError

from ecommerce import identity
from ecommerce.audit import scheduled
from ecommerce.backoffice import landing
from ecommerce.platform.models import User
from ecommerce.platform.roles import establish
from inventory.models import Stock
from orders.models import Order
from tests.integration.clerks import clerk, text
from tests.integration.parking import Feed, created
from tests.integration.people import PASSWORD
from tests.integration.profiling import queries, scans
from tests.integration.saga import Saga

INDEX = "/admin/"


@pytest.fixture
def saga(databases: None) -> Saga:
    saga = Saga()
    saga.stock()
    saga.place("order-1")
    return saga


def cards(html: str) -> dict[str, str]:
    """What the cards say, by their labels."""
    found = re.findall(r'<a href="[^"]*" class="bg-white.*?</a>', html, re.DOTALL)
    texts = [re.findall(r"<span[^>]*>(.*?)</span>", each, re.DOTALL) for each in found]
    return {label: count for count, label in texts}


def member(role: str) -> Client:
    """Somebody who is in one group."""
    establish()
    user = User.objects.create_user(role, password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    assert client.login(username=role, password=PASSWORD)
    return client


def menu(html: str) -> set[str]:
    return set(re.findall(r'href="(/admin/[a-z]+/[a-z]+/)"', html))


def test_a_shop_in_order_needs_nobody(saga: Saga) -> None:
    saga.settle()
    shown = text(clerk("root", is_superuser=True), INDEX)
    assert "Nothing. None of these:" in shown
    assert cards(shown) == {"orders placed": "1", "of them completed": "1", "of them cancelled": "0"}
    assert "None has run by itself yet" in shown


def test_what_needs_a_person_is_counted_and_leads_to_its_list(saga: Saga) -> None:
    feed = Feed(saga.engines["payments"])
    feed.spoil(created("order-1"))
    Order.objects.filter(pk="order-1").update(
        created_at=identity.now() - timedelta(hours=1), attention="CAPTURE_FAILED"
    )
    Stock.objects.filter(pk="CUP").update(available=3)
    root = clerk("root", is_superuser=True)
    shown = text(root, INDEX)
    found = cards(shown)
    for label in ("orders overdue", "orders that need staff", "dead letters of payments", "products low in stock"):
        assert found[label] == "1"
    for url in re.findall(r'<a href="(/admin/[^"]*\?[^"]*)" class="bg-white border border-red', shown):
        assert "1</span>" in text(root, url) or "order-1" in text(root, url) or "CUP" in text(root, url), url


def test_the_last_audit_is_told(saga: Saga) -> None:
    saga.settle()
    scheduled.run()
    shown = text(clerk("root", is_superuser=True), INDEX)
    assert "1 orders, 0 of them in flight" in shown
    stock = saga.engines["inventory"].database["stock"]
    stock.update_one({"_id": "CUP"}, {"$inc": {"available": 1}})
    scheduled.run()
    assert "1 × " in text(clerk("again", is_superuser=True), INDEX)


@pytest.mark.parametrize(
    ("role", "seen", "unseen"),
    [
        ("support", {"/admin/orders/order/", "/admin/payments/payment/"}, {"/admin/payments/deadletter/"}),
        ("warehouse", {"/admin/inventory/stock/"}, {"/admin/payments/payment/", "/admin/orders/order/"}),
        ("finance", {"/admin/payments/payment/"}, {"/admin/inventory/stock/"}),
        ("operator", {"/admin/payments/deadletter/"}, {"/admin/payments/payment/"}),
    ],
)
def test_everybody_sees_what_they_may_look_at(saga: Saga, role: str, seen: set[str], unseen: set[str]) -> None:
    client = member(role)
    shown = text(client, INDEX)
    assert seen <= menu(shown)
    assert not unseen & menu(shown)
    assert "The last audit" not in shown
    for url in unseen:
        assert client.get(url).status_code == 403


def test_a_figure_that_nobody_can_tell_does_not_take_the_page_down(saga: Saga, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> int:
        raise ServerSelectionTimeoutError("no primary")

    monkeypatch.setattr("orders.admin.counted", away)
    assert cards(text(clerk("root", is_superuser=True), INDEX))["orders overdue"] == "unknown"


def test_it_counts_no_further_than_it_shows(saga: Saga, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"_id": f"o{each}", "status": "COMPLETED", "created_at": identity.now(), "v": 1} for each in range(500)]
    saga.engines["orders"].database["orders"].insert_many(rows)
    monkeypatch.setattr(landing, "MOST", 100)
    root = clerk("root", is_superuser=True)
    with queries() as found:
        shown = text(root, INDEX)
    assert cards(shown)["orders placed"] == "100+"
    assert scans([each for each in found if each.plan.startswith(("orders.", "inventory.", "payments."))]) == []
    assert max(each.examined for each in found if each.plan.startswith("orders.orders")) <= 102
