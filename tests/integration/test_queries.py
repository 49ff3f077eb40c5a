"""No hot query scans a collection: MongoDB's own profiler tells."""

from datetime import timedelta

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.db import connections
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView
from rest_framework_simplejwt.tokens import RefreshToken

from ecommerce import identity, outbox
from ecommerce.http.pagination import page
from ecommerce.platform.models import User
from ecommerce.platform.tokens import spend
from ecommerce.registry import engine
from ecommerce.vault import Vault
from inventory import selectors as inventory
from inventory.messages import AdjustStock, PutProduct
from orders import selectors as orders
from payments import selectors as payments
from payments.domain import Pending
from shipping import selectors as shipping
from tests.integration.people import staff
from tests.integration.profiling import queries, scans
from tests.integration.saga import Saga

pytestmark = pytest.mark.usefixtures("databases")


def test_the_profiler_would_see_a_scan() -> None:
    with queries() as plans:
        list(connections["orders"].database["orders"].find({"currency": "USD"}))
    assert scans(plans) == ["orders.orders COLLSCAN"]


def test_reads_of_the_api_and_the_sweeps_use_indexes() -> None:
    factory, now = APIRequestFactory(), identity.now()
    with queries() as plans:
        request = APIView().initialize_request(factory.get("/", {"limit": 5}))
        for customer, status in ((None, None), (None, "PAID"), ("alice", None), ("alice", "PAID")):
            found = orders.orders(customer_id=customer, status=status, after=now - timedelta(1), before=now)
            page(request, found, lambda row: row.pk)
        orders.order("o")
        orders.timeline("o")
        orders.overdue(now, limit=10)
        inventory.stock("s")
        inventory.reservation("o")
        payments.payment("o")
        payments.asked(["o"], Pending.AUTHORIZE)
        payments.unanswered(Pending.CAPTURE, now, limit=10)
        shipping.shipment("o")
        shipping.asked(["o"])
        shipping.unanswered(now, limit=10)
    assert len(plans) >= 14
    assert scans(plans) == []


def test_commands_keys_and_tokens_use_indexes() -> None:
    with queries() as plans:
        stock = engine("inventory")
        put = PutProduct(sku="S", name="Cup", price=100, currency="USD")
        adjust = AdjustStock(sku="S", delta=5, reason="came in", by="staff")
        stock.take([stock.input(put, id="p"), stock.input(adjust, id="a")])
        assert stock.execute(adjust, id="a").duplicate
        vault = Vault()
        vault.seal(vault.key_of("alice"), "text", context="c")
        vault.erase("alice")
        user = User.objects.create_user("alice", password="not-a-common-one")
        spend(RefreshToken.for_user(user))
        User.objects.filter(username="alice").exists()
    assert scans(plans) == []


def test_a_fact_of_its_own_that_its_log_has_is_looked_for_there_alone() -> None:
    saga = Saga()
    saga.stock()
    saga.place("o1")
    (placed,) = engine("orders").database[outbox.COLLECTION].find_one()["messages"]
    with queries() as plans:
        saga.hand_over(placed, partition=0, offset=0)
    looked_at = {each.plan.split()[0] for each in plans if each.plan.startswith("orders.")}
    assert looked_at - {"orders.positions"} == {"orders.events"}


def test_what_a_member_of_staff_may_do_is_found_by_indexes_and_is_what_django_finds() -> None:
    staff("kim", "support", "finance")
    staff("lee", "warehouse")
    user = User.objects.get(username="kim")
    user.user_permissions.add(Permission.objects.get(codename="add_datakey"))
    with queries() as plans:
        held = user.get_all_permissions()
    assert len(plans) >= 5
    assert scans(plans) == []
    assert {"payments.change_payment", "platform.add_datakey"} <= held
    assert held == ModelBackend().get_all_permissions(User.objects.get(username="kim"))
    assert User(username="nobody").get_all_permissions() == set()
