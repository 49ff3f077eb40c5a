"""Staff see an address with the permission alone, for a reason, and on record."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.urls import reverse

from ecommerce import vault as vaults
from ecommerce.erasure import stores
from ecommerce.platform.models import Reveal, User
from tests.integration.people import ADDRESS, PASSWORD, Person, customer, everything_in, staff, stock_the_shop

NAME, LINE, TOKEN = ADDRESS["name"], ADDRESS["line1"], "tok_of_anns_card"


@pytest.fixture
def ann(databases: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    settings.LOG_FOLDER, settings.SANDBOX_LEDGERS = tmp_path, []
    monkeypatch.setattr(vaults, "_vault", None)
    stock_the_shop()
    return customer("ann")


@pytest.fixture
def order(ann: Person) -> str:
    return ann.order(paymentMethod=TOKEN)


def clerk(name: str, *rights: str) -> Client:
    """A member of the back office who may see orders, and what `rights` say."""
    staff(name)
    wanted = ["view_order", *rights]
    User.objects.get(username=name).user_permissions.set(Permission.objects.filter(codename__in=wanted))
    client = Client()
    assert client.login(username=name, password=PASSWORD)
    return client


def page(order: str, name: str = "personal_data") -> str:
    return reverse(f"admin:orders_order_{name}", args=[order.replace("_", "_5F")])


def test_an_address_is_shown_for_a_reason_and_it_is_on_record_who_looked_and_why(ann: Person, order: str) -> None:
    nell = clerk("nell", "reveal_personal_data")
    assert page(order) in nell.get(page(order, "change")).content.decode()
    asked = nell.get(page(order))
    refused = nell.post(page(order), {"reason": " "})
    for answer in (asked, refused):
        assert answer.status_code == 200
        assert NAME not in answer.content.decode()
    assert Reveal.objects.count() == 0
    answer = nell.post(page(order), {"reason": "the parcel came back"})
    text = answer.content.decode()
    assert (NAME in text, LINE in text, TOKEN in text) == (True, True, False)
    assert "no-store" in answer["Cache-Control"]
    assert set(answer.cookies) <= {"csrftoken"}
    reveal = Reveal.objects.get()
    assert (reveal.by, reveal.order_id, reveal.customer_id) == ("nell", order, ann.id)
    assert reveal.reason == "the parcel came back"
    # Nowhere else: no message waits in a session, nothing was stored.
    again = nell.get(page(order, "change")).content.decode()
    assert NAME not in again
    assert NAME not in repr(everything_in("default"))


def test_what_the_customer_said_when_cancelling_is_sealed_too(ann: Person, order: str) -> None:
    said = "I have moved to Nettle Wharf"
    assert ann.post(f"/api/v1/orders/{order}/cancel", {"reason": said}).status_code == 202
    assert said not in repr(everything_in("orders"))
    nell = clerk("nell", "reveal_personal_data")
    assert said in nell.post(page(order), {"reason": "they ask what they wrote"}).content.decode()


def test_nobody_sees_it_without_the_permission_and_no_attempt_counts_as_a_look(order: str) -> None:
    fred = clerk("fred")
    assert page(order) not in fred.get(page(order, "change")).content.decode()
    strangers = [fred, Client()]
    for client in strangers:
        for answer in (client.get(page(order)), client.post(page(order), {"reason": "curious"})):
            assert answer.status_code in (302, 403)
            assert NAME not in answer.content.decode()
    assert Reveal.objects.count() == 0


def test_nothing_is_shown_that_could_not_be_recorded(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nell = clerk("nell", "reveal_personal_data")
    monkeypatch.setattr(Reveal, "save", lambda self, **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        nell.post(page(order), {"reason": "the parcel came back"})


def test_after_an_erasure_there_is_nothing_to_show(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "_topics", list)  # their search takes seconds, and is not what this is about
    nell = clerk("nell", "reveal_personal_data")
    call_command("erase_customer", "ann", "--yes", "--no-wait")
    vaults._vault = None
    text = nell.post(page(order), {"reason": "the parcel came back"}).content.decode()
    assert "Erased: the customer&#x27;s key is destroyed" in text
    assert NAME not in text


def test_the_address_is_in_no_log(order: str, capfd: pytest.CaptureFixture[str]) -> None:
    nell = clerk("nell", "reveal_personal_data")
    assert NAME in nell.post(page(order), {"reason": "the parcel came back"}).content.decode()
    said = capfd.readouterr()
    assert [text for text in (NAME, LINE) if text in said.out + said.err] == []


def test_a_place_without_an_order_has_nothing_to_show(order: str) -> None:
    """As a dead letter leaves one."""
    orders = connections["orders"].database["orders"]
    document = orders.find_one({"_id": order}) | {"_id": "place", "customer_id": "", "sealed": None}
    orders.insert_one(document)
    nell = clerk("nell", "reveal_personal_data")
    assert "no order was placed here" in nell.post(page("place"), {"reason": "why"}).content.decode()


def test_an_order_that_is_not_there_sends_back_to_the_list(order: str) -> None:
    nell = clerk("nell", "reveal_personal_data")
    assert nell.get(page("nothing")).status_code == 302
