"""The back office: staff read everything but what is sealed, and change nothing past the engine."""

import base64
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from ecommerce import identity
from ecommerce.backoffice import ReadOnlyAdmin
from ecommerce.environment import SERVICES
from ecommerce.heartbeats import Heartbeat, tell
from ecommerce.inputs import Position, Source
from ecommerce.leases import Lease
from ecommerce.messages import encode
from ecommerce.platform.models import DataKey, Erasure, Reveal, User
from ecommerce.reading import read_bytes
from ecommerce.registry import engine
from orders import selectors
from orders.models import Order
from payments.models import Payment
from shipping.models import Shipment
from tests.integration.people import ADDRESS, PASSWORD, Person, customer, sign_in, staff, stock_the_shop

READ_ONLY = [model for model, its in admin.site._registry.items() if isinstance(its, ReadOnlyAdmin)]
EDITED_HERE = [model for model in admin.site._registry if model not in READ_ONLY]


@pytest.fixture(scope="module")
def alice(module_databases: None) -> Person:
    """A customer with an order that every service knows of, beside a message that none of them can read."""
    stock_the_shop()
    person = customer("alice")
    _, created = selectors.first_answer(person.order(paymentMethod="tok_secret"))
    data = encode(created)
    for service in SERVICES:
        known = engine(service)
        if service != "orders":
            known.execute(created.payload, id=created.event_id)
        Lease(known.database, "single writer").take()
        tell(known.database, Heartbeat(service=service, kind="test", subject="pages", values=dict), holder="a process")
        topic = known.service.topics[0]
        kind = next(kind for kind in known.service.taker if getattr(kind, "topic", "") == topic)
        source = Source(
            topic=topic, partition=0, offset=7, key=b"bad", headers=(("event-type", kind.__name__.encode()),)
        )
        bad = read_bytes(known.service, data.replace(b'"version":"1.0"', b'"version":"9.0"'), source)
        assert bad is not None
        known.take([bad], {Position(topic, 0): 8})
    Person().post("/api/v1/auth/logout", {"refresh": sign_in("alice")[1]})
    Group.objects.create(name="warehouse")
    anna = User.objects.create_user("anna")
    kind = ContentType.objects.get_for_model(Order)
    LogEntry.objects.create(user=anna, content_type=kind, object_id="o", object_repr="o", action_flag=2)
    now = identity.now()
    Erasure.objects.create(customer_id="c", by="anna", reason="asked", started_at=now, finished_at=now, is_clean=True)
    Reveal.objects.create(by="anna", order_id="o", customer_id="c", reason="the parcel came back", at=now)
    return person


@pytest.fixture(scope="module")
def root(alice: Person) -> Client:
    staff("root", is_superuser=True)
    client = Client()
    assert client.login(username="root", password=PASSWORD)
    return client


def page(model: type[Model], name: str, *args: Any) -> str:
    return reverse(
        f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=[quote(str(arg)) for arg in args]
    )


def secrets() -> list[str]:
    """What no page may show: ciphertexts, plain personal data, keys and hashes."""
    # Beside the order, each service has a place for the one that the bad message is about.
    order, payment, shipment = (model.objects.exclude(customer_id="").get() for model in (Order, Payment, Shipment))
    key = DataKey.objects.get()
    sealed = [order.sealed["address"], payment.sealed["payment_token"], shipment.sealed["address"]]
    wrapped = bytes(key.wrapped)
    hashes = [user.password for user in User.objects.all()]
    personal = [ADDRESS["name"], ADDRESS["line1"], "tok_secret"]
    return [*sealed, *personal, *hashes, base64.b64encode(wrapped).decode(), wrapped.hex(), order.fingerprint]


def test_the_back_office_knows_what_it_is_asked_about() -> None:
    assert len(READ_ONLY) == 4 * 6 + 6 + 5
    assert {model.__name__ for model in EDITED_HERE} == {"User", "Group"}


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model._meta.label)
def test_every_list_and_detail_page_opens_and_shows_nothing_sealed(root: Client, model: type[Model]) -> None:
    rows = list(model._default_manager.all())
    assert rows, "the fixture leaves no model without a row"
    listed = root.get(page(model, "changelist"))
    details = [root.get(page(model, "change", row.pk)) for row in rows]
    for answer in [listed, *details]:
        assert answer.status_code == 200
        text = answer.content.decode()
        assert [secret for secret in secrets() if secret in text] == []


@pytest.mark.parametrize("model", READ_ONLY, ids=lambda model: model._meta.label)
def test_nothing_is_added_changed_or_deleted_past_the_engine(root: Client, model: type[Model]) -> None:
    before = list(model._default_manager.order_by("pk").values())
    pk = before[0][model._meta.pk.attname]
    assert root.get(page(model, "add")).status_code == 403
    assert root.post(page(model, "add"), {}).status_code == 403
    assert root.post(page(model, "change", pk), {"status": "PAID"}).status_code == 403
    assert root.post(page(model, "delete", pk), {"post": "yes"}).status_code == 403
    action = {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
    assert root.post(page(model, "changelist"), action).status_code in (200, 302, 403)
    assert list(model._default_manager.order_by("pk").values()) == before


@pytest.mark.parametrize("model", READ_ONLY, ids=lambda model: model._meta.label)
def test_a_search_and_a_page_past_the_end_open(root: Client, model: type[Model]) -> None:
    for query in ({"q": "something"}, {"p": "7"}):
        assert root.get(page(model, "changelist"), query).status_code == 200


def test_the_index_and_the_pages_of_users_open(root: Client) -> None:
    for path in (reverse("admin:index"), page(User, "add"), page(Group, "add")):
        assert root.get(path).status_code == 200
    alice = User.objects.get(username="alice")
    assert root.get(reverse("admin:auth_user_password_change", args=[quote(alice.pk)])).status_code == 200


def test_a_log_entry_shows_what_happened(root: Client, alice: Person) -> None:
    order_id = Order.objects.exclude(customer_id="").get().pk
    entry = Order._meta.apps.get_model("orders", "LogEntry").objects.get(type="OrderCreated")
    text = root.get(page(type(entry), "change", entry.pk)).content.decode()
    assert order_id in text
    assert "unitPrice" in text
    assert "sealed" in text


def test_customers_and_strangers_do_not_get_in(alice: Person) -> None:
    client = Client()
    login = f"{reverse('admin:login')}?next="
    for path in (reverse("admin:index"), page(Order, "changelist"), page(User, "changelist")):
        assert client.get(path)["Location"] == f"{login}{path}"
    # A right password is not enough, a token neither.
    answer = client.post(reverse("admin:login"), {"username": "alice", "password": PASSWORD})
    assert (answer.status_code, "sessionid" in client.cookies) == (200, False)
    assert client.login(username="alice", password=PASSWORD)
    assert client.get(page(Order, "changelist")).status_code == 302
    assert alice.get(page(Order, "changelist")).status_code == 302


def test_staff_without_rights_see_no_model(alice: Person) -> None:
    staff("clerk")
    client = Client()
    assert client.login(username="clerk", password=PASSWORD)
    assert client.get(reverse("admin:index")).status_code == 200
    for model in admin.site._registry:
        assert client.get(page(model, "changelist")).status_code == 403


def test_a_user_is_stored_whole_or_not_at_all(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    form = {"username": "helen", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    broken = f"{LogEntry.__module__}.LogEntryManager.log_actions"
    monkeypatch.setattr(broken, lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        root.post(page(User, "add"), form)
    assert not User.objects.filter(username="helen").exists()
    monkeypatch.undo()
    assert root.post(page(User, "add"), form).status_code == 302
    helen = User.objects.get(username="helen")
    changed = {"username": "helena", "groups": [str(Group.objects.get(name="warehouse").pk)], "is_active": "on"}
    changed |= {"date_joined_0": "2026-01-01", "date_joined_1": "10:00"}
    monkeypatch.setattr(broken, lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        root.post(page(User, "change", helen.pk), changed)
    monkeypatch.undo()
    helen.refresh_from_db()
    assert (helen.username, helen.groups.count()) == ("helen", 0)
    assert root.post(page(User, "change", helen.pk), changed).status_code == 302
    helen.refresh_from_db()
    assert (helen.username, helen.groups.count()) == ("helena", 1)
