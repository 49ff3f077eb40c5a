"""Each role has what its work needs and no more: over the API, in the admin, and whoever gives it."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from ecommerce.platform import roles
from ecommerce.platform.models import User
from ecommerce.platform.roles import ROLES, establish
from tests.integration.people import PASSWORD, Person, customer, problem_of, sign_in, staff

REASON = {"reason": "asked for"}
LETTER = "orders:absent"
# What is asked, and what is answered to those who may: there is no such letter, and nothing to refund.
ENDPOINTS: dict[str, tuple[str, str, Any, int]] = {
    "list all orders": ("GET", "orders", None, 200),
    "read an order": ("GET", "orders/{order}", None, 200),
    "read a timeline": ("GET", "orders/{order}/timeline", None, 200),
    "read an event": ("GET", "orders/{order}/events/absent", None, 404),
    "cancel an order": ("POST", "orders/{order}/cancel", REASON, 202),
    "read stock": ("GET", "stock/CUP", None, 200),
    "adjust stock": ("POST", "stock/CUP/adjustments", {"delta": 1, "reason": "found one"}, 201),
    "read a reservation": ("GET", "reservations/{order}", None, 200),
    "read a payment": ("GET", "payments/{order}", None, 200),
    "refund a payment": ("POST", "payments/{order}/refund", REASON, 409),
    "read a shipment": ("GET", "shipments/{order}", None, 200),
    "list dead letters": ("GET", "dead-letters", None, 200),
    "read a dead letter": ("GET", f"dead-letters/{LETTER}", None, 404),
    "try a dead letter": ("POST", f"dead-letters/{LETTER}/dry-run", None, 404),
    "replay a dead letter": ("POST", f"dead-letters/{LETTER}/replay", REASON, 404),
    "discard a dead letter": ("POST", f"dead-letters/{LETTER}/discard", REASON, 404),
    "see the pipeline": ("GET", "pipeline", None, 200),
}
# What belongs to others is as absent as what never was; what is nobody's own is forbidden.
REFUSED = dict.fromkeys(ENDPOINTS, 403) | {
    "read an order": 404,
    "read a timeline": 404,
    "cancel an order": 404,
    "read a payment": 404,
    "read a shipment": 404,
    "list all orders": 200,  # one's own, of which there are none
}
READ_OWN = {"list all orders", "read an order", "read a timeline"}
READ_ORDERS = READ_OWN | {"read an event"}
DEAD_LETTERS = {f"{deed} a dead letter" for deed in ("read", "try", "replay", "discard")} | {"list dead letters"}
SUPPORT = READ_ORDERS | {"cancel an order", "read a payment", "read a shipment", "read stock", "read a reservation"}
WAREHOUSE = {"read stock", "adjust stock", "read a reservation", "read a shipment"}
FINANCE = READ_ORDERS | {"read a payment", "refund a payment"}
MAY: dict[str, set[str]] = {
    "support": SUPPORT,
    "warehouse": WAREHOUSE,
    "finance": FINANCE,
    "operator": DEAD_LETTERS | {"see the pipeline"},
    "admin": set(ENDPOINTS),
    "no role": set(),
    "no staff": set(),
}


@pytest.fixture(scope="module")
def people(order: str) -> dict[str, Person]:
    """One of each role; one of the staff without any; and one who has all roles and has left the staff."""
    everybody = {role: staff(f"one-of-{role}", role) for role in ROLES}
    staff("leaver", *ROLES)
    User.objects.filter(username="leaver").update(is_staff=False)
    return everybody | {"no role": staff("newcomer"), "no staff": Person("leaver", sign_in("leaver")[0])}


def asked(who: Person, endpoint: str, order: str) -> Any:
    method, path, body, _ = ENDPOINTS[endpoint]
    path = f"/api/v1/{path.format(order=order)}"
    return who.get(path) if method == "GET" else who.post(path, body)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("role", MAY)
def test_a_role_may_what_its_work_needs_and_no_more(
    people: dict[str, Person], order: str, role: str, endpoint: str
) -> None:
    answer = asked(people[role], endpoint, order)
    allowed = endpoint in MAY[role]
    expected = ENDPOINTS[endpoint][3] if allowed else REFUSED[endpoint]
    if role == "finance" and endpoint == "cancel an order":
        expected = 403  # who may read it is not told that it is absent
    assert answer.status_code == expected, answer.content
    if endpoint == "list all orders":
        assert (order in answer.content.decode()) is allowed


def test_the_table_names_every_role_and_every_endpoint_of_staff() -> None:
    assert set(MAY) == {*ROLES, "no role", "no staff"}
    assert set(REFUSED) == set(ENDPOINTS)
    assert set(roles.RIGHTS_OF) == set(roles.Scope)


def test_a_customer_has_no_right_over_others_and_all_over_their_own(bob: Person, alice: Person, order: str) -> None:
    for endpoint, status in REFUSED.items():
        assert asked(bob, endpoint, order).status_code == status, endpoint
    own = {name: ENDPOINTS[name][3] for name in READ_OWN | {"read a payment", "read a shipment"}}
    assert {name: asked(alice, name, order).status_code for name in own} == own


MODELS_SEEN = {
    "support": {"orders.order", "orders.product", "payments.payment", "shipping.shipment"}
    | {"inventory.stock", "inventory.reservation"},
    "warehouse": {"inventory.stock", "inventory.reservation", "shipping.shipment"},
    "finance": {"payments.payment", "orders.order"},
    "no role": set(),
}


@pytest.mark.parametrize("role", MODELS_SEEN)
def test_in_the_admin_a_role_sees_the_models_of_its_work(people: dict[str, Person], role: str) -> None:
    client = Client()
    assert client.login(username=people[role].name, password=PASSWORD)
    seen = {
        model._meta.label_lower
        for model in admin.site._registry
        if client.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")).status_code == 200
    }
    assert seen == MODELS_SEEN[role]


def test_every_right_of_a_role_is_one_that_there_is(alice: Person) -> None:
    establish()
    there = {f"{each.content_type.app_label}.{each.codename}" for each in Permission.objects.all()}
    assert {right for rights in ROLES.values() for right in rights} - there == set()
    for name, rights in ROLES.items():
        given = Group.objects.get(name=name).permissions.all()
        assert {f"{each.content_type.app_label}.{each.codename}" for each in given} == rights


def test_a_right_that_a_role_should_not_have_is_gone_after_the_next_migration(alice: Person) -> None:
    establish()
    group = Group.objects.get(name="warehouse")
    group.permissions.add(Permission.objects.get(codename="change_payment"))
    call_command("migrate_all", verbosity=0)
    assert not group.permissions.filter(codename="change_payment").exists()


@pytest.mark.parametrize("field", ["is_superuser", "user_permissions", "password"])
def test_who_manages_users_cannot_make_more_of_anybody_than_a_role_gives(
    people: dict[str, Person], alice: Person, field: str
) -> None:
    staff("root", is_superuser=True) if not User.objects.filter(username="root").exists() else None
    client = Client()
    assert client.login(username=people["admin"].name, password=PASSWORD)
    root, hers = User.objects.get(username="root"), User.objects.get(pk=alice.id)
    form = {"username": "alice", "is_active": "on", "date_joined_0": "2026-01-01", "date_joined_1": "10:00"}
    wanted = {
        "is_superuser": ("platform_user_change", hers.pk, form | {"is_superuser": "on"}),
        "user_permissions": (
            "platform_user_change",
            hers.pk,
            form | {"user_permissions": [str(Permission.objects.get(codename="add_datakey").pk)]},
        ),
        "password": (
            "auth_user_password_change",
            root.pk,
            {"password1": "mine-from-now-on-1", "password2": "mine-from-now-on-1", "usable_password": "true"},
        ),
    }[field]
    page, pk, said = wanted
    client.post(reverse(f"admin:{page}", args=[pk]), said)
    hers.refresh_from_db()
    root.refresh_from_db()
    assert (hers.is_superuser, hers.user_permissions.count(), root.check_password(PASSWORD)) == (False, 0, True)


def test_the_seeded_staff_may_do_all_that_is_for_staff(alice: Person, bob: Person, settings: Any) -> None:
    settings.SERVED = ("inventory",)  # it waits for no prices
    call_command("seed", verbosity=0)
    call_command("seed", verbosity=0)
    seeded = User.objects.get(username="staff")
    assert set(roles.scopes_of(seeded)) == set(roles.Scope)
    assert set(roles.scopes_of(User.objects.get(username="alice"))) == set()


def test_a_new_customer_is_in_no_group(alice: Person) -> None:
    person = customer("nova")
    assert User.objects.get(pk=person.id).groups.count() == 0
    assert problem_of(person.get("/api/v1/stock/CUP"))[0] == 403
