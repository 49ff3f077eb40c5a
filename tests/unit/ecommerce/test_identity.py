"""Ids: the same cause gives the same one, another cause another one."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import product
from uuid import RFC_4122, UUID

import pytest

from ecommerce import identity

AT = datetime(2026, 1, 31, 12, 0, 0, 123_999, tzinfo=UTC)
MILLISECONDS = 1_769_860_800_123


def event_id(
    *, service: str = "orders", cause: str = "c", event_type: str = "OrderCreated", index: int = 0, at: datetime = AT
) -> str:
    return identity.event_id(service=service, cause=cause, event_type=event_type, index=index, at=at)


def test_ids_never_change_from_one_release_to_the_next() -> None:
    # Written down once: logs and restored backups hold ids that were made long ago.
    assert event_id() == "019c13ec-9e7b-787c-9f85-f8a09531d12c"
    assert identity.derived_id("order", "command") == "eba89b04-be84-8f3d-8ff3-6dfbd8ff318f"


def test_what_follows_from_a_time_ordered_id_has_its_time() -> None:
    # Random ids are spread over all pages of an index, and MongoDB writes each of them again and again.
    made = identity.new_id()
    derived = identity.derived_id("order", made)
    assert derived[:14] == made[:14]
    assert derived != made
    assert derived == identity.derived_id("order", made) != identity.derived_id("command", made)
    assert UUID(derived).version == 7
    assert UUID(identity.derived_id("order", made.upper())).version == 8


def test_every_part_of_the_cause_makes_another_event_id() -> None:
    services, causes, types = ("orders", "inventory"), ("c", "d"), ("OrderCreated", "OrderCancelled")
    ids = {
        event_id(service=service, cause=cause, event_type=event_type, index=index)
        for service, cause, event_type, index in product(services, causes, types, range(12))
    }
    assert len(ids) == 2 * 2 * 2 * 12


def test_where_one_part_ends_and_the_next_begins_makes_another_id() -> None:
    assert event_id(service="ab", cause="c") != event_id(service="a", cause="bc")
    causes = [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("", "abc"), ("a", "b", "c"), ("1:a", "b"), ("1:a1:b",)]
    assert len({identity.derived_id(*parts) for parts in causes}) == len(causes)


def test_an_event_id_has_the_layout_of_a_uuid_7_and_its_time() -> None:
    id = UUID(event_id())
    assert (id.version, id.variant) == (7, RFC_4122)
    assert id.int >> 80 == MILLISECONDS
    assert str(id) == event_id()


def test_an_event_id_hashes_alike_at_whatever_time() -> None:
    later = event_id(at=AT + timedelta(days=1))
    assert later[:13] != event_id()[:13]
    assert later[13:] == event_id()[13:]


def test_a_new_id_is_a_uuid_7_of_now_and_each_is_another() -> None:
    before = identity.milliseconds(identity.now())
    ids = [UUID(identity.new_id()) for _ in range(1000)]
    after = identity.milliseconds(identity.now())
    assert len(set(ids)) == 1000
    assert {(id.version, id.variant) for id in ids} == {(7, RFC_4122)}
    assert all(before <= id.int >> 80 <= after for id in ids)


def test_a_derived_id_has_the_layout_of_a_uuid_8() -> None:
    ids = [UUID(identity.derived_id("command", str(number))) for number in range(1000)]
    assert len(set(ids)) == 1000
    assert {(id.version, id.variant) for id in ids} == {(8, RFC_4122)}
    assert str(ids[0]) == identity.derived_id("command", "0")


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC), -1),
        (AT, MILLISECONDS),
        (AT.astimezone(timezone(timedelta(hours=5, minutes=30))), MILLISECONDS),
        (datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), 253_402_300_799_999),
    ],
)
def test_milliseconds_are_exact_and_rounded_down(time: datetime, expected: int) -> None:
    assert identity.milliseconds(time) == expected


def test_now_has_whole_milliseconds_and_a_zone() -> None:
    times = [identity.now() for _ in range(100)]
    assert {time.microsecond % 1000 for time in times} == {0}
    assert {time.tzinfo for time in times} == {UTC}
