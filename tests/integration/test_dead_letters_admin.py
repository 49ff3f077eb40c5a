"""Dead letters in the back office."""

from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from ecommerce.deadletters.letters import COLLECTION, DISCARDED, FAILED, REPLAYED, WAITING
from ecommerce.platform.models import User
from ecommerce.registry import engine
from tests.integration.parking import Feed, bytes_of, created, reserved
from tests.integration.people import PASSWORD, staff

LIST = "admin:payments_deadletter_changelist"


@pytest.fixture
def feed(databases: None) -> Feed:
    return Feed(engine("payments"))


def signed_in(name: str, **rights: bool) -> Client:
    staff(name, **rights)
    client = Client()
    assert client.login(username=name, password=PASSWORD)
    return client


@pytest.fixture
def root(databases: None) -> Client:
    return signed_in("root", is_superuser=True)


def do(client: Client, what: str, id: str, **fields: str) -> str:
    """Presses a button of a letter's page. Gives the page that follows."""
    return client.post(
        reverse(f"admin:payments_deadletter_{what}", args=[quote(id)]), {"key": "k"} | fields, follow=True
    ).content.decode()


def test_a_letter_is_tried_edited_and_replayed_with_what_waits(feed: Feed, root: Client) -> None:
    bad = feed.spoil(created("o1"))
    feed.give(reserved("o1"))
    listed = root.get(reverse(LIST)).content.decode()
    assert listed.count("o1</a>") == 2
    shown = root.get(reverse("admin:payments_deadletter_change", args=[quote(bad)])).content.decode()
    assert "\\xff broken" in shown
    assert "Replay, with all that wait behind it" in shown
    assert "would fail" in do(root, "try", bad)
    assert "Reason, for the record: This field is required" in do(root, "edit", bad, content="{}")
    assert "malformed" in do(root, "edit", bad, content="{", reason="a typo")
    assert "edited. A replay takes this" in do(
        root, "edit", bad, content=bytes_of(created("o1")).decode(), reason="a typo"
    )
    tried = do(root, "try", bad)
    assert "would take 2 and make: AuthorizationRequested" in tried
    assert feed.statuses() == [FAILED, WAITING]
    assert "2 taken, 0 wait" in do(root, "replay", bad)
    assert feed.statuses() == [REPLAYED, REPLAYED]
    letter = feed.engine.database[COLLECTION].find_one({"_id": bad})
    assert letter is not None
    assert [(each["did"], each["by"], each.get("reason")) for each in letter["history"]] == [
        ("edited", "root", "a typo"),
        ("replayed", "root", None),
    ]
    page = do(root, "discard", bad, reason="again")
    assert "is REPLAYED since" in page
    assert "Discard for good" not in page
    assert "o1</a>" not in root.get(reverse(LIST)).content.decode()
    assert root.get(reverse(LIST), {"status": "REPLAYED"}).content.decode().count("o1</a>") == 2


def test_a_discard_is_told_with_what_waits_still(feed: Feed, root: Client) -> None:
    bad = feed.spoil(created("o1"))
    feed.give(reserved("o1"))
    assert "This field is required" in do(root, "discard", bad)
    assert "1 of its order wait still" in do(root, "discard", bad, reason="nobody knows it")
    assert feed.statuses() == [DISCARDED, WAITING]


def test_many_are_replayed_from_the_list_each_order_once(feed: Feed, root: Client) -> None:
    ids = [feed.spoil(created(order)) for order in ("o1", "o2")]
    feed.give(reserved("o1"))
    for id, order in zip(ids, ("o1", "o2"), strict=True):
        feed.engine.database[COLLECTION].update_one({"_id": id}, {"$set": {"edited": bytes_of(created(order))}})
    chosen = {"action": "replay", "_selected_action": list(feed.letters())}
    page = root.post(reverse(LIST), chosen).content.decode()
    assert "for each of these by itself" in page
    assert feed.statuses() == [FAILED, WAITING, FAILED]
    page = root.post(reverse(LIST), chosen | {"confirmed": "yes", "key": "k"}, follow=True).content.decode()
    assert "2 taken, 0 wait" in page
    assert "1 taken, 0 wait" in page
    assert "left as it is" in page  # the follower: it went with the one before it
    assert set(feed.statuses()) == {REPLAYED}


def test_who_may_only_look_sees_no_button_and_can_press_none(feed: Feed) -> None:
    bad = feed.spoil(created("o1"))
    client = signed_in("reader")
    User.objects.get(username="reader").user_permissions.add(
        Permission.objects.get(codename="view_deadletter", content_type__app_label="payments")
    )
    page = client.get(reverse("admin:payments_deadletter_change", args=[quote(bad)]))
    assert page.status_code == 200
    assert "Discard for good" not in page.content.decode()
    for what in ("try", "replay", "edit", "discard"):
        path = reverse(f"admin:payments_deadletter_{what}", args=[quote(bad)])
        assert client.post(path, {"reason": "x", "key": "k"}).status_code == 403
        assert Client().post(path, {"reason": "x", "key": "k"}).status_code == 302
        assert client.get(path).status_code == 405
    answer: Any = client.post(
        reverse(LIST), {"action": "replay", "confirmed": "yes", "key": "k", "_selected_action": [bad]}, follow=True
    )
    assert "taken" not in answer.content.decode()
    assert feed.statuses() == [FAILED]


def test_a_letter_that_there_is_not_is_told(feed: Feed, root: Client) -> None:
    assert "doesn’t exist" in do(root, "replay", "nothing")
