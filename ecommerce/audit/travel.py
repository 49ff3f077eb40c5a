"""Where an order's events are on their way between the services, and where they got lost."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from ecommerce.audit.names import Name
from ecommerce.audit.story import Entry, Mending, Place, Repair, Story, Violation, Way


def judge(story: Story, *, now: datetime, patience: timedelta) -> Iterator[Violation]:
    """Events that are lost, passed over, out of order, or late; and an order that waits for too long."""
    yield from _lost(story)
    yield from _altered(story)
    yield from _disorder(story)
    passed_over = [each for each in story.unseen if _is_passed_over(story, *each)]
    yield from _passed_over(story, passed_over)
    if not any(story.letters.values()) and not passed_over:
        yield from _late(story, now, patience)


def _lost(story: Story) -> Iterator[Violation]:
    for maker, entry in story.public():
        if story.place(entry).way is Way.NOWHERE and entry.event_id not in story.edited:
            safe = Repair(mending=Mending.REQUEUE, service=maker, key=story.order_id, event_id=entry.event_id)
            detail = f"{entry.type} {entry.event_id} of {maker}"
            yield story.violation(Name.LOST, detail, story.mended(), safe=safe)


def _altered(story: Story) -> Iterator[Violation]:
    for maker, entry in story.public():
        place = story.place(entry)
        if place.way is Way.TOPIC and place.digest != entry.digest and entry.event_id not in story.edited:
            where = f"{story.topics[entry.type]}:{place.partition}:{place.offset}"
            yield story.violation(Name.ALTERED, f"{entry.type} {entry.event_id} of {maker} at {where}")


def _disorder(story: Story) -> Iterator[Violation]:
    for maker in story.logs:
        # By topic: an order's messages of one topic share a partition.
        last: dict[str, tuple[int, Entry]] = {}
        for entry in (entry for service, entry in story.public() if service == maker):
            place, topic = story.place(entry), story.topics.get(entry.type, "")
            # Of another time is what a restored service made again: it went out in an earlier life.
            if place.way is not Way.TOPIC or place.at != entry.at:
                continue
            before = last.get(topic)
            if before and before[0] > place.offset:
                detail = f"{topic}: {entry.type} at {place.offset}, {before[1].type} before it at {before[0]}"
                yield story.violation(Name.DISORDER, detail)
            last[topic] = (place.offset, entry)


def _is_passed_over(story: Story, maker: str, entry: Entry, taker: str) -> bool:
    place = story.place(entry)
    if place.way is not Way.TOPIC or story.letters.get(taker):
        return False
    position = story.positions.get(taker, {}).get((story.topics[entry.type], place.partition), 0)
    return position > place.offset


def _passed_over(story: Story, passed_over: list[tuple[str, Entry, str]]) -> Iterator[Violation]:
    for maker, entry, taker in passed_over:
        place = story.place(entry)
        safe = Repair(
            mending=Mending.FEED, service=taker, key=story.order_id, event_id=f"{maker}:{entry.event_id}", place=place
        )
        detail = f"{taker} is past {entry.type} at {story.topics[entry.type]}:{place.partition}:{place.offset}"
        yield story.violation(Name.PASSED_OVER, detail, story.mended(), safe=safe)


def _late(story: Story, now: datetime, patience: timedelta) -> Iterator[Violation]:
    late = [each for each in story.unseen if now - _moved_at(each[1], story.place(each[1])) > patience]
    if late:
        _, entry, taker = late[0]
        where = story.place(entry).way
        command = "manage.py relay " + late[0][0] if where is Way.OUTBOX else f"manage.py consume {taker}"
        yield story.violation(Name.STUCK, f"{entry.type} has not reached {taker}, it is {_said(where)}", command)
    elif not story.ended and story.known and story.last_at and now - story.last_at > patience:
        yield story.violation(Name.STUCK, "it waits for a step")


def _said(way: Way) -> str:
    return "on its way" if way in (Way.UNKNOWN, Way.NOWHERE) else way.value


def _moved_at(entry: Entry, place: Place) -> datetime:
    """When it was last seen to move: one that was put into the outbox again has its time from then."""
    return max(entry.at, place.since) if place.since else entry.at
