"""manage.py dlq, as an operator uses it."""

import base64
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.core.management.base import CommandError

from ecommerce.deadletters.letters import COLLECTION, DISCARDED, FAILED, REPLAYED, WAITING
from ecommerce.registry import engine
from tests.integration.parking import Feed, bytes_of, cancelled, created, dlq, reserved

pytestmark = pytest.mark.usefixtures("databases")


@pytest.fixture
def feed(databases: None) -> Feed:
    return Feed(engine("payments"))


def mend(feed: Feed, *ids: str) -> None:
    """As a new release that reads what the old one could not: the same message, readable."""
    for id in ids:
        letter = feed.engine.database[COLLECTION].find_one({"_id": id})
        assert letter is not None
        good = bytes_of(created(letter["key"]))
        feed.engine.database[COLLECTION].update_one({"_id": id}, {"$set": {"value": good}})


def test_a_bad_message_is_listed_shown_edited_and_replayed_with_its_follower(feed: Feed, tmp_path: Path) -> None:
    bad = feed.spoil(created("o1"))
    feed.give(reserved("o1"))
    listed = dlq("list", "--service", "payments")
    assert f"FAILED       OrderCreated            o1  payments:{bad}  Undecodable: OrderCreated" in listed
    assert "waits behind it" in listed
    assert "2 dead letters" in listed
    shown = dlq("show", f"payments:{bad}")
    assert "orders.events partition 0 offset 0" in shown
    assert "header      event-type: OrderCreated" in shown
    assert "\\xff broken" in shown
    file = tmp_path / "mended.json"
    file.write_bytes(bytes_of(created("o1")))
    said = dlq("edit", f"payments:{bad}", "--file", str(file), "--by", "anna", "--reason", "a typo")
    assert f"manage.py dlq replay payments:{bad}" in said
    tried = dlq("replay", f"payments:{bad}", "--dry-run")
    assert "payments o1: 2 would be taken" in tried
    assert "would make AuthorizationRequested" in tried
    assert "payments o1: pending '' → 'AUTHORIZE'" in tried
    assert feed.statuses() == [FAILED, WAITING]
    assert "payments o1: 2 taken" in dlq("replay", f"payments:{bad}")
    assert feed.statuses() == [REPLAYED, REPLAYED]
    assert "edited (by: anna, reason: a typo)" in dlq("show", f"payments:{bad}")
    assert dlq("list") == "no dead letters\n"
    assert "REPLAYED" in dlq("list", "--status", "REPLAYED")


def test_filters_choose(feed: Feed) -> None:
    feed.spoil(created("o1"))
    feed.spoil(reserved("o2"), b'{"eventType": "InventoryReserved"}')
    Feed(engine("shipping")).spoil(created("o1"))
    assert "3 dead letters" in dlq("list")
    for arguments, count in [
        (("--service", "payments"), 2),
        (("--service", "payments", "--service", "shipping"), 3),
        (("--key", "o1"), 2),
        (("--type", "InventoryReserved"), 1),
        (("--error", "MALFORMED"), 2),
        (("--since", "1h", "--key", "o2"), 1),
        (("--since", "2000-01-01"), 3),
        (("--limit", "1"), 3),
    ]:
        assert f"{count} dead letters" in dlq("list", *arguments), arguments
    assert dlq("list", "--error", "mal.ormed") == "no dead letters\n"
    assert dlq("list", "--since", "2999-01-01T00:00") == "no dead letters\n"


def test_the_canary_stops_when_the_first_ones_fail_again(feed: Feed) -> None:
    letters = [feed.spoil(created(f"o{n:02}")) for n in range(14)]
    said = dlq("replay", status=1)
    assert "0 dead letters taken; 1 of 14 orders failed again" in said
    assert "stopped, since they fail again: 13 orders not tried" in said
    mend(feed, letters[0], *letters[2:])
    said = dlq("replay", status=1)  # the first is good, one of the next ten is not: the last ones are not tried
    assert "10 dead letters taken; 1 of 14 orders failed again" in said
    assert "3 orders not tried" in said
    assert dlq("replay", "--no-canary", "--rate", "1000", status=1).count(": 1 taken") == 3
    assert feed.statuses().count(REPLAYED) == 13


def test_limit_counts_orders_and_failures_are_told_with_what_waits(feed: Feed) -> None:
    first, second = feed.spoil(created("o1")), feed.spoil(created("o2"))
    feed.give(reserved("o1"))
    mend(feed, second)
    said = dlq("replay", "--limit", "1", status=1)
    assert f"payments o1: 0 taken, payments:{first} failed: Undecodable" in said
    assert "; 2 wait" in said
    assert "o2" not in said


def test_a_quarantined_letter_is_left_out_until_it_is_named(feed: Feed) -> None:
    bad = feed.spoil(created("o1"))
    for _ in range(5):
        dlq("replay", status=1)
    mend(feed, bad)
    assert "it is quarantined" in dlq("replay", status=1)
    assert "1 dead letters taken" in dlq("replay", f"payments:{bad}")


def test_discard_wants_to_know_which_and_why(feed: Feed) -> None:
    bad = feed.spoil(created("o1"))
    feed.give(cancelled("o1"))
    with pytest.raises(CommandError, match="say which"):
        dlq("discard", "--reason", "all of them")
    with pytest.raises(CommandError, match="--reason"):
        dlq("discard", f"payments:{bad}")
    said = dlq("discard", f"payments:{bad}", "--reason", "nobody knows it")
    assert f"discarded payments:{bad}; 1 of o1 wait still" in said
    assert "1 taken" in dlq("replay", "--key", "o1")
    assert sorted(feed.statuses()) == [DISCARDED, REPLAYED]


def test_an_export_is_whole_and_never_over_another(feed: Feed, tmp_path: Path) -> None:
    feed.spoil(created("o1"))
    file = tmp_path / "letters.jsonl"
    dlq("export", "--output", str(file))
    (line,) = file.read_bytes().splitlines()
    exported: dict[str, Any] = msgspec.json.decode(line)
    assert base64.b64decode(exported["value"]) == b"\xff broken"
    assert (exported["service"], exported["key"], exported["offset"]) == ("payments", "o1", 0)
    assert msgspec.json.decode(dlq("export"))["id"] == exported["id"]
    with pytest.raises(CommandError, match="exists"):
        dlq("export", "--output", str(file))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("list", "--since", "yesterday"), "neither a time"),
        (("list", "--limit", "0"), "no whole number above 0"),
        (("replay", "--rate", "-1"), "no number above 0"),
        (("replay", "payments:nothing"), "payments has no dead letter nothing"),
        (("list", "--service", "billing"), "does not serve 'billing'"),
        (("show", "billing:x"), "does not serve 'billing'"),
        (("edit", "payments:x", "--file", "/nowhere", "--reason", "r"), "No such file"),
        (("explode",), "invalid choice"),
        ((), "required"),
    ],
)
def test_bad_input_is_named(feed: Feed, arguments: tuple[str, ...], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        dlq(*arguments)
