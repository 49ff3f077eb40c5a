"""What staff do from a page: with the right to it and a reason, through the engine, once, and on record."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from ecommerce.registry import engine
from inventory.models import Stock
from orders.models import Order
from payments.models import Payment
from tests.integration.clerks import clerk, page, text
from tests.integration.saga import Saga

PRESS = {"reason": "the customer called"}


@pytest.fixture
def saga(databases: None) -> Saga:
    saga = Saga()
    saga.stock()
    saga.place("order-1")
    return saga


def press(client: Client, model: type[Model], deed: str, row: str, **said: Any) -> str:
    """Sends the form of a row's page, as it stands there, and gives what the next page shows."""
    shown = page(model, "change", row)
    url = page(model, deed, row)
    form = re.search(f'<form method="post" action="{re.escape(url)}".*?</form>', text(client, shown), re.DOTALL)
    assert form, f"{deed} is not offered"
    key = re.search(r'name="key" value="([^"]+)"', form[0])
    assert key
    answer = client.post(url, PRESS | {"key": key[1]} | said, follow=True)
    assert answer.redirect_chain == [(shown, 302)]
    return str(answer.content.decode())


def is_offered(client: Client, model: type[Model], deed: str, row: str) -> bool:
    return f'action="{page(model, deed, row)}"' in text(client, page(model, "change", row))


def record() -> list[tuple[str, str]]:
    return [(each.user.get_username(), each.change_message) for each in LogEntry.objects.order_by("action_time")]


def test_an_order_is_cancelled(saga: Saga) -> None:
    nell = clerk("nell", "orders.view_order", "orders.change_order")
    saga.deliver()
    assert "its cancellation is asked for" in press(nell, Order, "cancel", "order-1")
    saga.settle()
    order = Order.objects.get(pk="order-1")
    assert (order.status, order.cancellation_reason) == ("CANCELLED", "STAFF")
    assert not is_offered(nell, Order, "cancel", "order-1")
    ((who, what),) = record()
    assert who == "nell"
    assert "the customer called" in what


def test_a_payment_is_given_back(saga: Saga) -> None:
    saga.settle()
    fay = clerk("fay", "payments.view_payment", "payments.change_payment")
    assert "its refund is asked for" in press(fay, Payment, "refund", "order-1")
    saga.settle()
    assert Payment.objects.get(pk="order-1").status == "REFUNDED"
    assert not is_offered(fay, Payment, "refund", "order-1")
    assert [who for who, _ in record()] == ["fay"]


def test_stock_is_adjusted_and_its_page_tells_who_did_it_and_why(saga: Saga) -> None:
    wes = clerk("wes", "inventory.view_stock", "inventory.change_stock")
    before = Stock.objects.get(pk="CUP")
    html = press(wes, Stock, "adjust", "CUP", delta=-3, reason="three broke")
    after = Stock.objects.get(pk="CUP")
    assert (after.on_hand, after.available) == (before.on_hand - 3, before.available - 3)
    assert "adjusted by -3" in html
    assert "-3 by wes: three broke" in html


def test_what_the_engine_refuses_is_told_and_changes_nothing(saga: Saga) -> None:
    wes = clerk("wes", "inventory.view_stock", "inventory.change_stock")
    before = Stock.objects.get(pk="CUP")
    html = press(wes, Stock, "adjust", "CUP", delta=-(before.on_hand + 1))
    assert "are available" in html
    assert Stock.objects.get(pk="CUP").on_hand == before.on_hand
    assert record() == []


def test_a_form_that_is_sent_twice_is_one_deed(saga: Saga) -> None:
    wes = clerk("wes", "inventory.view_stock", "inventory.change_stock")
    before = Stock.objects.get(pk="CUP").on_hand
    said = PRESS | {"key": "the-same", "delta": 5}
    for _ in range(2):
        wes.post(page(Stock, "adjust", "CUP"), said)
    assert Stock.objects.get(pk="CUP").on_hand == before + 5


@pytest.mark.parametrize("said", [{"reason": ""}, {"delta": ""}, {"delta": "many"}, {"delta": 10**12}, {"key": ""}])
def test_a_form_that_says_too_little_is_sent_back(saga: Saga, said: dict[str, Any]) -> None:
    wes = clerk("wes", "inventory.view_stock", "inventory.change_stock")
    before = Stock.objects.get(pk="CUP").on_hand
    answer = wes.post(page(Stock, "adjust", "CUP"), PRESS | {"key": "k", "delta": 5} | said, follow=True)
    assert "messages" in answer.context
    assert [message.level_tag for message in answer.context["messages"]] == ["error"]
    assert Stock.objects.get(pk="CUP").on_hand == before


@pytest.mark.parametrize(
    ("model", "deed", "row"), [(Order, "cancel", "order-1"), (Payment, "refund", "order-1"), (Stock, "adjust", "CUP")]
)
def test_who_may_only_look_is_offered_nothing_and_refused(saga: Saga, model: Any, deed: str, row: str) -> None:
    saga.settle()
    blind = clerk("bea", f"{model._meta.app_label}.view_{model._meta.model_name}")
    assert not is_offered(blind, model, deed, row)
    before = engine(model._meta.app_label).database["events"].count_documents({})
    assert blind.post(page(model, deed, row), PRESS | {"key": "k", "delta": 1}).status_code == 403
    assert engine(model._meta.app_label).database["events"].count_documents({}) == before


def test_many_orders_are_cancelled_each_with_a_result_of_its_own(saga: Saga) -> None:
    saga.settle()
    saga.place("order-2")
    saga.place("order-3")
    nell = clerk("nell", "orders.view_order", "orders.change_order")
    listed = reverse("admin:orders_order_changelist")
    chosen = {"action": "cancel", "_selected_action": ["order-1", "order-2", "order-3"]}
    assert "order-2" in nell.post(listed, chosen).content.decode()
    answer = nell.post(listed, chosen | PRESS | {"key": "k", "confirmed": "yes"}, follow=True)
    said = sorted(str(message) for message in answer.context["messages"])
    assert [(each.split(":")[0], "left as it is" in each) for each in said] == [
        ("order-1", True),
        ("order-2", False),
        ("order-3", False),
    ]
    saga.settle()
    fates = dict(Order.objects.values_list("pk", "status"))
    assert fates == {"order-1": "COMPLETED", "order-2": "CANCELLED", "order-3": "CANCELLED"}
