"""Replaying, editing and discarding what was set aside: in order, once, and on record."""

from threading import Thread
from typing import Any

import msgspec
import pytest

from ecommerce import outbox, storage
from ecommerce.batch import Batch
from ecommerce.deadletters.desk import MOST_REPLAYS, Actor, Desk, EditRefused, NoSuchLetter, NotOpen
from ecommerce.deadletters.letters import COLLECTION, DISCARDED, FAILED, QUARANTINED, REPLAYED, WAITING
from ecommerce.deadletters.selection import Chain
from ecommerce.engine import Engine
from ecommerce.rebuild import Fold
from ecommerce.registry import engine
from inventory.events import InventoryReserved
from orders.events import OrderCreated
from tests.integration.parking import Feed, bytes_of, cancelled, created, reserved

pytestmark = pytest.mark.usefixtures("databases")

ANNA = Actor(by="anna", reason="the publisher is mended")
CHAIN = Chain("payments", "o1")


@pytest.fixture
def feed(databases: None) -> Feed:
    return Feed(engine("payments"))


@pytest.fixture
def desk(feed: Feed) -> Desk:
    return Desk(feed.engine)


def folds(feed: Feed) -> bool:
    return list(Fold(feed.engine.service, feed.engine.database).differences()) == []


def test_a_replay_after_an_edit_takes_the_whole_chain_in_its_order_and_unparks_the_order(
    feed: Feed, desk: Desk
) -> None:
    bad = feed.spoil(created("o1"))
    feed.give(reserved("o1"), created("o2"))
    assert (feed.statuses(), feed.log("o1"), feed.parked("o1")) == ([FAILED, WAITING], [], 2)
    desk.edit(bad, bytes_of(created("o1")), ANNA)
    replay = desk.replay(CHAIN, ANNA)
    assert (len(replay.taken), replay.error, replay.left) == (2, "", 0)
    assert feed.log("o1") == ["OrderCreated", "InventoryReserved", "AuthorizationRequested"]
    assert (feed.statuses(), feed.parked("o1")) == ([REPLAYED, REPLAYED], 0)
    feed.give(cancelled("o1"))
    assert feed.log("o1")[3:] == ["ShipmentCancelled", "VoidRequested"]
    assert folds(feed)
    letter = desk.letter(bad)
    assert letter["value"] == b"\xff broken"
    assert [(each["did"], each["by"], each["reason"]) for each in letter["history"]] == [
        ("edited", "anna", ANNA.reason),
        ("replayed", "anna", ANNA.reason),
    ]


def test_what_was_replayed_is_not_taken_again_by_a_second_replay_or_when_kafka_gives_it_again(
    feed: Feed, desk: Desk
) -> None:
    poison = feed.input(created("o1"), data=b"\xff broken")
    follower = feed.input(reserved("o1"))
    feed.engine.take([poison, follower])
    (bad, _) = feed.letters()
    desk.edit(bad, bytes_of(created("o1")), ANNA)
    desk.replay(CHAIN, ANNA)
    log = feed.log("o1")
    assert desk.replay(CHAIN, ANNA).taken == []
    again = feed.engine.take([poison, follower, feed.input(created("o1"))])
    assert [outcome.duplicate for outcome in again] == [True, True, True]
    assert (feed.log("o1"), feed.statuses(), feed.parked("o1")) == (log, [REPLAYED, REPLAYED], 0)


def test_a_chain_stops_where_it_fails_again_and_goes_on_from_there(feed: Feed, desk: Desk) -> None:
    first = feed.spoil(created("o1"))
    feed.give(reserved("o1"))
    second = feed.spoil(cancelled("o1"))
    desk.edit(first, bytes_of(created("o1")), ANNA)
    replay = desk.replay(CHAIN, ANNA)
    assert (len(replay.taken), replay.failed, replay.left) == (2, second, 1)
    assert "malformed" in replay.error
    assert feed.statuses() == [REPLAYED, REPLAYED, FAILED]
    assert desk.letter(second)["attempts"] == 1  # its first: it had only waited
    feed.engine.take([feed.input(reserved("o1"), data=_with_id(reserved("o1"), "r2"))])  # behind it, at a new place
    assert [letter["place"] for letter in feed.engine.database[COLLECTION].find(sort=[("place", 1)])] == [0, 1, 2, 3]
    desk.edit(second, bytes_of(cancelled("o1")), ANNA)
    assert desk.replay(CHAIN, ANNA).left == 0
    assert feed.log("o1")[-3:] == ["ShipmentCancelled", "VoidRequested", "InventoryReserved"]
    assert feed.parked("o1") == 0
    assert folds(feed)


def test_a_follower_that_kafka_has_twice_takes_effect_once(feed: Feed, desk: Desk) -> None:
    bad = feed.spoil(created("o1"))
    feed.give(reserved("o1"))
    feed.give(reserved("o1"))
    desk.edit(bad, bytes_of(created("o1")), ANNA)
    assert len(desk.replay(CHAIN, ANNA).taken) == 3
    assert feed.log("o1") == ["OrderCreated", "InventoryReserved", "AuthorizationRequested"]


def test_of_two_edits_at_once_the_second_is_told(feed: Feed, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = feed.spoil(created("o1"))
    first, second = bytes_of(created("o1")), bytes_of(created("o1")).replace(b"100", b"200")

    def meanwhile(letter: Any, data: bytes) -> None:
        monkeypatch.undo()
        desk.edit(bad, first, ANNA)

    monkeypatch.setattr(desk, "_check_edit", meanwhile)
    with pytest.raises(NotOpen, match="somebody else"):
        desk.edit(bad, second, ANNA)
    assert desk.letter(bad)["edited"] == first


def test_a_crash_in_the_middle_of_a_replay_leaves_all_of_it_or_nothing(
    feed: Feed, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = feed.spoil(created("o1"))
    feed.give(reserved("o1"))
    desk.edit(bad, bytes_of(created("o1")), ANNA)

    def die(self: Batch) -> None:
        write(self)
        raise KeyboardInterrupt

    write = Batch.write
    monkeypatch.setattr(Batch, "write", die)
    with pytest.raises(KeyboardInterrupt):
        desk.replay(CHAIN, ANNA)
    monkeypatch.undo()
    assert (feed.statuses(), feed.log("o1"), feed.parked("o1")) == ([FAILED, WAITING], [], 2)
    assert len(desk.replay(CHAIN, ANNA).taken) == 2


def test_a_dry_run_decides_and_stores_nothing(feed: Feed, desk: Desk) -> None:
    bad = feed.spoil(created("o1"))
    feed.give(cancelled("o1"))
    desk.edit(bad, bytes_of(created("o1")), ANNA)
    before = {name: list(feed.engine.database[name].find()) for name in feed.engine.database.list_collection_names()}
    replay = desk.replay(CHAIN, ANNA, dry_run=True)
    assert [event.event_type for event in replay.events] == ["PaymentVoided"]
    ((collection, key, was, becomes),) = replay.changes
    assert (collection, key, was["status"], becomes["status"]) == ("payments", "o1", "PENDING", "VOIDED")
    after = {name: list(feed.engine.database[name].find()) for name in before}
    assert after == before


def test_a_letter_that_fails_again_and_again_is_quarantined_until_somebody_means_it(feed: Feed, desk: Desk) -> None:
    bad = feed.spoil(created("o1"))
    for _ in range(MOST_REPLAYS):
        assert desk.letter(bad)["status"] == FAILED
        desk.replay(CHAIN, ANNA)
    assert (desk.letter(bad)["status"], desk.letter(bad)["attempts"]) == (QUARANTINED, MOST_REPLAYS + 1)
    assert "quarantined" in desk.replay(CHAIN, ANNA).error
    assert desk.letter(bad)["attempts"] == MOST_REPLAYS + 1
    desk.edit(bad, bytes_of(created("o1")), ANNA)
    assert desk.replay(CHAIN, ANNA, quarantined=True).taken == [bad]


def test_a_discarded_message_counts_as_taken_changes_nothing_and_never_comes_back(feed: Feed, desk: Desk) -> None:
    feed.give(created("o1"))
    poison, follower, last = feed.input(reserved("o1"), data=b"\xff"), feed.input(cancelled("o1")), created("o9")
    feed.engine.take([poison, follower])
    bad, waiting = feed.letters()
    before = feed.engine.database["payments"].find_one({"_id": "o1"})
    assert before is not None
    assert desk.discard(bad, ANNA) == 1
    assert feed.parked("o1") == 2  # the other one waits still
    assert desk.discard(waiting, ANNA) == 0
    after = feed.engine.database["payments"].find_one({"_id": "o1"})
    assert after is not None
    bookkeeping = ("v", "parked", "updated_at", "stamp")
    assert {k: v for k, v in after.items() if k not in bookkeeping} == {
        k: v for k, v in before.items() if k not in bookkeeping
    }
    assert (feed.log("o1"), feed.parked("o1")) == (["OrderCreated", "MessageDiscarded", "MessageDiscarded"], 0)
    again = feed.engine.take([poison, follower, feed.input(last)])
    assert [outcome.duplicate for outcome in again] == [True, True, False]
    assert feed.statuses() == [DISCARDED, DISCARDED]
    entry = storage.history(feed.engine.database, "o1")[1]
    payload = msgspec.json.decode(entry["data"])["payload"]
    assert (payload["by"], payload["reason"], payload["letter"]) == ("anna", ANNA.reason, bad)
    assert folds(feed)


def test_an_order_of_which_the_first_message_was_discarded_still_folds(feed: Feed, desk: Desk) -> None:
    desk.discard(feed.spoil(created("o1")), ANNA)
    assert feed.log("o1") == ["MessageDiscarded"]
    assert folds(feed)


def test_closed_letters_stay_closed(feed: Feed, desk: Desk) -> None:
    bad = feed.spoil(created("o1"))
    desk.discard(bad, ANNA)
    with pytest.raises(NotOpen, match="DISCARDED"):
        desk.discard(bad, ANNA)
    with pytest.raises(NotOpen):
        desk.edit(bad, bytes_of(created("o1")), ANNA)
    with pytest.raises(NoSuchLetter):
        desk.letter("orders.events:9:9:00000000")
    assert len(desk.letter(bad)["history"]) == 1


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\xff", "malformed"),
        (b"{}", "no event"),
        (bytes_of(created("other")), "about other"),
        (bytes_of(created("o1")).replace(b'"1.0"', b'"9.0"'), "version '9.0'"),
        (bytes_of(reserved("o1")), "belongs on inventory.events"),
        (bytes_of(created("o1")).replace(b"OrderCreated", b"OrderPraised"), "no type that payments takes"),
        (b" " * 1_000_001, "1000001 bytes"),
    ],
)
def test_an_edit_that_could_not_stand_for_the_original_is_refused(
    feed: Feed, desk: Desk, data: bytes, why: str
) -> None:
    bad = feed.spoil(created("o1"))
    with pytest.raises(EditRefused, match=why):
        desk.edit(bad, data, ANNA)
    assert (desk.letter(bad)["edited"], desk.letter(bad)["history"]) == (None, [])


def test_a_follower_that_could_be_read_keeps_its_event_id_when_edited(feed: Feed, desk: Desk) -> None:
    feed.spoil(created("o1"))
    feed.give(reserved("o1"))
    waiting = next(id for id, status in feed.letters().items() if status == WAITING)
    good = bytes_of(reserved("o1"))
    with pytest.raises(EditRefused, match="eventId"):
        desk.edit(waiting, good.replace(b"InventoryReserved-o1", b"another"), ANNA)
    desk.edit(waiting, good.replace(b'"quantity":1', b'"quantity":2'), ANNA)


def test_a_message_without_a_key_is_replayed_alone_and_waits_where_its_order_waits(feed: Feed, desk: Desk) -> None:
    alone = feed.spoil(created("o1"), key=b"\xff\xfe")
    other = feed.spoil(created("o2"), key=b"\xff\xfd")
    feed.spoil(reserved("o2"))
    assert desk.letter(alone)["key"] == ""
    for id, order in ((alone, "o1"), (other, "o2")):
        desk.edit(id, bytes_of(created(order)), ANNA)
    assert desk.replay(Chain("", "", alone), ANNA).taken == [alone]
    assert feed.log("o1") == ["OrderCreated"]
    replay = desk.replay(Chain("", "", other), ANNA)
    assert (replay.taken, replay.failed) == ([], other)
    moved = desk.letter(other)
    assert (moved["key"], moved["collection"], moved["place"], moved["status"]) == ("o2", "payments", 1, WAITING)
    assert feed.log("o2") == []


def test_another_message_at_the_same_place_of_a_topic_made_anew_is_set_aside_too(feed: Feed, desk: Desk) -> None:
    desk.discard(feed.spoil(created("o1"), b"\xff first"), ANNA)
    feed.spoil(reserved("o1"))
    anew = Feed(feed.engine)
    anew.spoil(created("o1"), b"\xff second")
    assert sorted(anew.statuses()) == [DISCARDED, FAILED, WAITING]


def test_hundreds_of_followers_are_taken_in_their_order(feed: Feed, desk: Desk) -> None:
    bad = feed.spoil(created("o1"))
    repeated = [feed.input(reserved("o1"), data=_with_id(reserved("o1"), f"r{n}")) for n in range(450)]
    feed.engine.take(repeated)
    desk.edit(bad, bytes_of(created("o1")), ANNA)
    replay = desk.replay(CHAIN, ANNA)
    assert (len(replay.taken), replay.left) == (451, 0)
    taken = [storage.event_id_of(entry) for entry in storage.history(feed.engine.database, "o1") if not entry["own"]]
    assert taken[1:] == [f"r{n}" for n in range(450)]


def test_an_older_version_is_upcast_when_it_is_replayed_and_its_bytes_stay(
    feed: Feed, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = bytes_of(created("o1")).replace(b'"version":"1.0"', b'"version":"0.9"').replace(b"totalAmount", b"total")
    bad = feed.spoil(created("o1"), old)
    assert "'0.9'" in desk.letter(bad)["error"] or "totalAmount" in desk.letter(bad)["error"]

    def renamed(payload: dict[str, Any]) -> dict[str, Any]:
        return {("totalAmount" if name == "total" else name): value for name, value in payload.items()}

    monkeypatch.setattr(OrderCreated, "upcasts", {"0.9": ("1.0", renamed)})
    assert desk.replay(CHAIN, ANNA).taken == [bad]
    (entry,) = storage.history(feed.engine.database, "o1")
    assert entry["data"] == old
    assert feed.engine.database["payments"].find_one({"_id": "o1"})["amount"] == 100  # type: ignore[index]
    assert folds(feed)


def test_what_a_replay_leads_to_is_published_and_asked_outside(
    feed: Feed, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        "ecommerce.engine.ask_outside", lambda _, facts: asked.extend(each.event_type for each in facts)
    )
    bad = feed.spoil(created("o1"))
    feed.give(reserved("o1"))
    feed.spoil(created("o2"))
    feed.give(cancelled("o2"))
    feed.engine.database[outbox.COLLECTION].delete_many({})
    desk.edit(bad, bytes_of(created("o1")), ANNA)
    desk.replay(CHAIN, ANNA, dry_run=True)
    assert asked == []
    desk.replay(CHAIN, ANNA)
    assert asked == ["AuthorizationRequested"]
    for id, status in feed.letters().items():
        if status == FAILED:
            desk.discard(id, ANNA)
    desk.replay(Chain("payments", "o2"), ANNA)
    sent = [message for document in feed.engine.database[outbox.COLLECTION].find() for message in document["messages"]]
    assert [dict(message["headers"])["event-type"] for message in sent] == [b"PaymentVoided"]


def _with_id(event: InventoryReserved, id: str) -> bytes:
    return bytes_of(event).replace(f"InventoryReserved-{event.key}".encode(), id.encode())


def test_messages_that_come_while_a_chain_is_replayed_wait_or_are_taken_but_none_is_lost_or_overtakes(
    feed: Feed, desk: Desk
) -> None:
    bad = feed.spoil(created("o1"))
    desk.edit(bad, bytes_of(created("o1")), ANNA)
    coming = [feed.input(reserved("o1"), data=_with_id(reserved("o1"), f"r{n}")) for n in range(200)]
    consumer = Thread(target=lambda: [Engine(feed.engine.service).take([each]) for each in coming])
    consumer.start()
    while consumer.is_alive():
        assert desk.replay(CHAIN, ANNA).error == ""
    consumer.join()
    desk.replay(CHAIN, ANNA)
    taken = [storage.event_id_of(entry) for entry in storage.history(feed.engine.database, "o1") if not entry["own"]]
    assert taken == ["OrderCreated-o1", *(f"r{n}" for n in range(200))]
    assert (set(feed.statuses()), feed.parked("o1")) == ({REPLAYED}, 0)
    assert folds(feed)
