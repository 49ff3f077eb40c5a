"""The relay on a real MongoDB and Kafka: what is committed is produced, in order, and deleted only then."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import inf
from typing import Any

import pytest

from ecommerce import following
from ecommerce.leases import Lease
from tests.integration.relaying import (
    Outbox,
    after_looks,
    client,
    firsts,
    shift,
    values,
    when_empty,
    working,
)
from tests.servers import Servers
from tests.topics import Record, records_on, topic
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("servers")


@pytest.fixture
def outboxes(servers: Servers) -> Iterator[list[Outbox]]:
    """Two services' outboxes, whose messages go to one topic."""
    names = ("relay_one", "relay_two")
    with client() as mongo, topic() as name:
        yield [Outbox(mongo[each], name) for each in names]
        for each in names:
            mongo.drop_database(each)


@pytest.fixture
def outbox(outboxes: list[Outbox]) -> Outbox:
    return outboxes[0]


def test_what_lay_there_and_what_comes_later_is_produced_once_with_all_it_carries(outbox: Outbox) -> None:
    outbox.commit(("o1", "first"), ("o2", b"\x00\xff"))
    outbox.commit(("o1", "second"))
    with working(outbox) as (outcome, stop):
        until("the scan's documents to be delivered", lambda: not outbox.left)
        outbox.commit(("o1", "third"))
        outbox.commit(("o2", "fourth"))
        until("the stream's documents to be delivered", lambda: not outbox.left)
        stop.set()
        assert outcome.result(20) == 5
    headers = (("event-type", b"Test"),)
    assert records_on(outbox.topic) == [
        Record("o1", b"first", headers),
        Record("o2", b"\x00\xff", headers),
        Record("o1", b"second", headers),
        Record("o1", b"third", headers),
        Record("o2", b"fourth", headers),
    ]


def test_a_scan_goes_by_the_stamps_whatever_was_written_first(outbox: Outbox) -> None:
    outbox.committed = 9
    outbox.commit(("o1", "tenth"))
    outbox.committed = 8
    outbox.commit(("o1", "ninth"))
    assert shift(outbox, stop=when_empty(outbox)) == 2
    assert values(records_on(outbox.topic)) == {"o1": ["ninth", "tenth"]}


STREAMING, LOOKING, TURNING = (inf, inf), (0, -1), (60, 30)


@pytest.mark.parametrize("busy", [STREAMING, LOOKING, TURNING], ids=["streaming", "looking", "turning"])
def test_nothing_is_missed_or_doubled_when_many_write_while_a_shift_starts(
    outbox: Outbox, busy: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MUCH", busy[0])
    monkeypatch.setattr(following, "LITTLE", busy[1])
    going, enough = threading.Semaphore(0), 150

    def write(key: str) -> None:
        # As the engine's Lamport stamps do: each key's rise, those of different keys may be equal.
        line = Outbox(outbox.database, outbox.topic)
        for number in range(enough):
            line.commit((key, str(number)))
            going.release()

    threads = [threading.Thread(target=write, args=(f"o{each}",)) for each in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(40):
        going.acquire()
    with working(outbox) as (outcome, stop):
        for thread in threads:
            thread.join()
        until("all to be delivered", lambda: not outbox.left)
        stop.set()
        assert outcome.result(20) == 4 * enough
    assert values(records_on(outbox.topic)) == {f"o{each}": [str(n) for n in range(enough)] for each in range(4)}


def test_while_much_comes_no_stream_is_open_and_afterwards_there_is_one(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_stream, streams = following.stream, list[str]()

    @contextmanager
    def noted(*databases: Any) -> Iterator[Any]:
        with open_stream(*databases) as stream:
            streams.append("open")
            yield stream
        streams[-1] = "closed"

    monkeypatch.setattr(following, "stream", noted)
    with working(outbox) as (outcome, stop):
        until("a stream", lambda: streams == ["open"])
        outbox.commit(*(("o1", str(number)) for number in range(2000)))
        until("the end of the stream", lambda: streams[0] == "closed")
        outbox.commit(("o1", "looked for"))
        until("a stream again", lambda: streams == ["closed", "open"])
        outbox.commit(("o1", "streamed"))
        until("all to be delivered", lambda: not outbox.left)
        stop.set()
        assert outcome.result(20) == 2002
    assert values(records_on(outbox.topic)) == {"o1": [*map(str, range(2000)), "looked for", "streamed"]}


def test_what_is_put_back_while_much_comes_is_sent_again(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MUCH", LOOKING[0])
    monkeypatch.setattr(following, "LITTLE", LOOKING[1])
    document = {"_id": "1", "messages": [outbox.message("o1", "first")]}
    sift, looks = following._Known.sifted, list[tuple[str, ...]]()

    def noted(known: Any, database: str, ids: Sequence[str]) -> list[str]:
        looks.append(tuple(ids))
        return sift(known, database, ids)

    monkeypatch.setattr(following._Known, "sifted", noted)
    with working(outbox) as (outcome, stop):
        for _ in range(2):
            outbox.database["outbox"].insert_one(document)
            until("it to be delivered", lambda: not outbox.left)
            looks.clear()
            until("a look that did not see it", lambda: () in looks)
        stop.set()
        assert outcome.result(20) == 2


def test_one_shift_serves_several_databases_and_no_other(outboxes: list[Outbox]) -> None:
    one, two = outboxes
    other = Outbox(one.database.client["relay_other"], one.topic)
    one.commit(("one", "before"))
    two.commit(("two", "before"))
    other.commit(("other", "before"))
    try:
        with working(one, two) as (outcome, stop):
            until("the scans' documents to be delivered", lambda: not one.left + two.left)
            other.commit(("other", "during"))
            one.commit(("one", "during"))
            two.commit(("two", "during"))
            until("the stream's documents to be delivered", lambda: not one.left + two.left)
            stop.set()
            assert outcome.result(20) == 4
        assert len(other.left) == 2
        assert values(records_on(one.topic)) == {"one": ["before", "during"], "two": ["before", "during"]}
    finally:
        other.database.client.drop_database(other.database)


def test_a_shift_without_the_lease_does_nothing(outbox: Outbox) -> None:
    outbox.commit(("o1", "first"))
    assert Lease(outbox.database, "relay").take()
    assert shift(outbox, stop=lambda: False) == 0
    assert len(outbox.left) == 1
    assert records_on(outbox.topic) == []


def test_a_shift_gives_its_lease_back(outbox: Outbox) -> None:
    shift(outbox, stop=lambda: True)
    assert Lease(outbox.database, "relay").take()


def test_a_lease_lost_in_the_middle_ends_the_shift(outbox: Outbox) -> None:
    outbox.commit(("o1", "first"))
    with working(outbox) as (outcome, _):
        until("the shift to work", lambda: not outbox.left)
        outbox.database["leases"].update_one({"_id": "relay"}, {"$set": {"holder": "another"}})
        outbox.database["leases"].update_one({"_id": "relay"}, [{"$set": {"until": {"$add": ["$$NOW", 60_000]}}}])
        assert outcome.result(20) == 1
    assert outbox.database["leases"].find_one()["holder"] == "another"


def test_a_shift_with_some_of_the_leases_ends_when_the_others_come_free(outboxes: list[Outbox]) -> None:
    one, two = outboxes
    one.commit(("one", "first"))
    two.commit(("two", "first"))
    other = Lease(two.database, "relay", seconds=60)
    assert other.take()
    with working(one, two) as (outcome, _):
        until("what it has the lease for to be delivered", lambda: not one.left)
        assert len(two.left) == 1
        other.release()
        assert outcome.result(20) == 1
    assert shift(one, two, stop=when_empty(one, two)) == 1


def test_two_live_shifts_on_one_outbox_make_only_repeats(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    # A frozen holder that wakes up believes that it holds the lease: here two do so all the time.
    monkeypatch.setattr(Lease, "take", lambda self: True)
    keys, count = ("o1", "o2", "o3"), 100
    for number in range(count):
        outbox.commit(*((key, str(number)) for key in keys))
    with working(outbox) as (first, stop_first), working(outbox) as (second, stop_second):
        for number in range(count, 2 * count):
            outbox.commit(*((key, str(number)) for key in keys))
        until("all to be delivered", lambda: not outbox.left)
        stop_first.set()
        stop_second.set()
        assert first.result(20) + second.result(20) >= 3 * 2 * count
    assert firsts(records_on(outbox.topic)) == {key: [str(n) for n in range(2 * count)] for key in keys}


def test_a_shift_that_is_stopped_in_its_scan_leaves_the_rest_to_the_next(outbox: Outbox) -> None:
    for number in range(5):
        outbox.commit(("o1", str(number)))
    assert shift(outbox, stop=after_looks(2)) == 2
    assert len(outbox.left) == 3
    assert shift(outbox, stop=when_empty(outbox)) == 3
    assert values(records_on(outbox.topic)) == {"o1": ["0", "1", "2", "3", "4"]}
