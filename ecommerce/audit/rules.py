"""What must hold of one order, judged by what the four services have stored of it. Pure: a story in, violations out."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from ecommerce.audit import agreement, travel
from ecommerce.audit.names import Name
from ecommerce.audit.story import Mending, Repair, Story, Violation

Rule = Callable[[Story], Iterator[Violation]]


def judge(story: Story, *, now: datetime, patience: timedelta) -> Iterator[Violation]:
    """The violations of one order. How it ended is judged when it has, and when everybody has heard of it.

    `patience` is how long an order may take, or an event may be under way, before it counts as stuck.
    """
    for rule in _ALWAYS:
        yield from rule(story)
    yield from travel.judge(story, now=now, patience=patience)
    if story.settled:
        for rule in _WHEN_SETTLED:
            yield from rule(story)


def _versions(story: Story) -> Iterator[Violation]:
    for service, log in story.logs.items():
        versions = [entry.version for entry in log]
        if versions != list(range(1, len(log) + 1)):
            yield story.violation(Name.GAPS, f"{service}: versions {versions}")
    for service, error in story.unreadable.items():
        yield story.violation(Name.UNREADABLE, f"{service}: {error}")


def _repeated(story: Story) -> Iterator[Violation]:
    for type, count in story.made.items():
        if type in story.takers and count > 1:
            yield story.violation(Name.TWICE, f"{count} × {type}")


def _taken_as_made(story: Story) -> Iterator[Violation]:
    made = {entry.event_id: entry for _, entry in story.public()}
    # A maker whose database was put back may make an event again in answer to another message, so under another id.
    again = {(entry.type, entry.digest) for entry in made.values()}
    for service, log in story.logs.items():
        for entry in log:
            if entry.type not in story.takers or story.makers[entry.type] == service:
                continue
            if entry.event_id not in made:
                if (entry.type, entry.digest) in again:
                    continue
                yield story.violation(Name.MADE_BY_NOBODY, f"{service} took {entry.type} {entry.event_id}")
            elif entry.digest != made[entry.event_id].digest and entry.event_id not in story.edited:
                yield story.violation(Name.OTHER_BYTES, f"{service} took {entry.type} {entry.event_id}")


def _aggregates(story: Story) -> Iterator[Violation]:
    for service, difference in story.differences.items():
        command = f"manage.py rebuild --service {service} --key {story.order_id} --write"
        if story.logs.get(service):
            safe = Repair(mending=Mending.REBUILD, service=service, key=story.order_id)
            yield story.violation(Name.DIFFERS, difference, command, safe=safe)
        else:
            # Removing it is right if it was never anything; but its log may be what is missing.
            yield story.violation(Name.WITHOUT_LOG, difference, command)


def _held(story: Story) -> Iterator[Violation]:
    for service in story.logs:
        letters, parked = story.letters.get(service, 0), story.stored.get(service, {}).get("parked", 0)
        where = f"--service {service} --key {story.order_id}"
        if letters and parked:
            look = f"manage.py dlq list {where}, then manage.py dlq replay {where}"
            yield story.violation(Name.HELD, f"{service}: {letters} dead letters", look)
        elif letters:
            detail = f"{service}: {letters} dead letters are open, and later messages do not wait for them"
            yield story.violation(Name.HOLDS_NOTHING, detail, f"manage.py dlq replay {where}")
        elif parked:
            safe = Repair(mending=Mending.UNPARK, service=service, key=story.order_id)
            yield story.violation(Name.HELD_BY_NOTHING, f"{service}: parked is {parked}", story.mended(), safe=safe)


def _completed(story: Story) -> Iterator[Violation]:
    if not story.made["OrderCompleted"]:
        return
    needed = {
        "InventoryReserved": Name.COMPLETED_UNRESERVED,
        "PaymentAuthorized": Name.COMPLETED_UNAUTHORISED,
        "OrderShipped": Name.COMPLETED_UNSHIPPED,
        "PaymentCaptured": Name.COMPLETED_UNPAID,
        "InventoryCommitted": Name.COMPLETED_UNCOMMITTED,
    }
    forbidden = {
        "OrderCancelled": Name.COMPLETED_AND_CANCELLED,
        "PaymentVoided": Name.COMPLETED_AND_VOIDED,
        "InventoryReleased": Name.COMPLETED_AND_RELEASED,
        "ShipmentCancelled": Name.COMPLETED_AND_STOPPED,
        "ShippingFailed": Name.COMPLETED_AND_STOPPED,
    }
    for type, name in needed.items():
        if not story.made[type]:
            yield story.violation(name, story.fate())
    for type, name in forbidden.items():
        if story.made[type]:
            yield story.violation(name, story.fate())


def _cancelled(story: Story) -> Iterator[Violation]:
    made = story.made
    if not made["OrderCancelled"]:
        return
    if made["OrderShipped"]:
        yield story.violation(Name.SHIPPED_AND_CANCELLED, story.fate())
    if made["PaymentAuthorized"] and not made["PaymentVoided"] and not made["PaymentCaptured"]:
        yield story.violation(Name.NOT_VOIDED, story.fate())
    if made["PaymentCaptured"] and not made["PaymentRefunded"]:
        yield story.violation(Name.NOT_REFUNDED, story.fate(), f"manage.py refund {story.order_id}")
    if made["InventoryReserved"] and not made["InventoryReleased"]:
        yield story.violation(Name.NOT_RELEASED, story.fate())
    answers = made["InventoryReservationFailed"] + made["InventoryReleased"]
    if answers != 1:
        yield story.violation(Name.INVENTORY_ANSWERS, f"{answers} answers")
    answers = made["PaymentFailed"] + made["PaymentVoided"]
    if answers != 1:
        yield story.violation(Name.PAYMENTS_ANSWERS, f"{answers} answers")


def _shipped(story: Story) -> Iterator[Violation]:
    made = story.made
    if made["OrderShipped"] and not made["PaymentAuthorized"]:
        yield story.violation(Name.SHIPPED_UNPAID, story.fate())
    if made["OrderShipped"] + made["ShippingFailed"] + made["ShipmentCancelled"] > 1:
        yield story.violation(Name.VERDICTS, story.fate())


_ALWAYS: tuple[Rule, ...] = (_versions, _repeated, _taken_as_made, _aggregates, _held)
_WHEN_SETTLED: tuple[Rule, ...] = (_completed, _cancelled, _shipped, *agreement.RULES)
