"""What must hold of one order, judged by what the four logs say of it.

Pure: a story in, violations out. The names are those of the public events, which is all that services share.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A log entry without its bytes."""

    event_id: str
    type: str
    own: bool
    version: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A broken promise: its name, whom it concerns, what was found, and the command that repairs it."""

    name: str
    subject: str
    detail: str
    repair: str

    def __str__(self) -> str:
        return f"{self.name}: {self.subject} ({self.detail}); repair: {self.repair}"


@dataclass(kw_only=True)
class Story:
    """Everything that the logs say of one order: service name → entries in version order."""

    order_id: str
    logs: Mapping[str, list[Entry]]
    parked: int = 0
    takers: Mapping[str, frozenset[str]] = field(default_factory=dict)  # public event type → services that take it

    @cached_property
    def made(self) -> Counter[str]:
        """How often each type of event was made, in all services."""
        return Counter(entry.type for log in self.logs.values() for entry in log if entry.own)

    @cached_property
    def unseen(self) -> list[tuple[str, str, datetime]]:
        """Public events that a taker has not taken: (type, taker, when made)."""
        seen = {service: {entry.event_id for entry in log} for service, log in self.logs.items()}
        return [
            (entry.type, taker, entry.at)
            for log in self.logs.values()
            for entry in log
            if entry.own
            for taker in sorted(self.takers.get(entry.type, ()))
            if entry.event_id not in seen.get(taker, ())
        ]

    @cached_property
    def ended(self) -> bool:
        return bool(self.made["OrderCompleted"] or self.made["OrderCancelled"])

    @cached_property
    def last_at(self) -> datetime:
        return max(entry.at for log in self.logs.values() for entry in log)


def judge(story: Story, *, now: datetime, patience: timedelta) -> Iterator[Violation]:
    """The violations of one order. One that is still under way is judged by its age alone.

    `patience` is how long an order may take, or an event may be under way, before it counts as stuck.
    """
    if not story.ended or story.unseen:
        yield from _stuck(story, now, patience)
    yield from _broken_versions(story)
    yield from _repeated(story)
    if story.ended and not story.unseen:
        for rule in _RULES:
            yield from rule(story)


def _stuck(story: Story, now: datetime, patience: timedelta) -> Iterator[Violation]:
    late = [(type, taker) for type, taker, at in story.unseen if now - at > patience]
    if story.parked:
        detail, repair = f"{story.parked} dead letters hold it", "see the dead letters in the admin"
    elif late:
        detail, repair = f"{late[0][0]} has not reached {late[0][1]}", "start the relay and the consumers (make ps)"
    else:
        detail, repair = "it waits for a step", f"manage.py explain_order {story.order_id}"
    if late or (not story.ended and now - story.last_at > patience):
        yield _violation("stuck", story, detail, repair)


def _broken_versions(story: Story) -> Iterator[Violation]:
    for service, log in story.logs.items():
        versions = [entry.version for entry in log]
        if versions != list(range(1, len(log) + 1)):
            yield _violation(
                "history with gaps or forks", story, f"{service}: versions {versions}", "none is safe: look"
            )


def _repeated(story: Story) -> Iterator[Violation]:
    for type, count in story.made.items():
        if type in story.takers and count > 1:
            yield _violation(
                "an effect happened twice", story, f"{count} × {type}", f"manage.py explain_order {story.order_id}"
            )


def _completed(story: Story) -> Iterator[Violation]:
    made = story.made
    if not made["OrderCompleted"]:
        return
    for needed in ("InventoryReserved", "PaymentAuthorized", "OrderShipped", "PaymentCaptured", "InventoryCommitted"):
        if not made[needed]:
            yield _violation(f"completed without {needed}", story, _fate(story), _look(story))
    for forbidden in ("OrderCancelled", "PaymentVoided", "InventoryReleased", "ShipmentCancelled", "ShippingFailed"):
        if made[forbidden]:
            yield _violation(f"completed in spite of {forbidden}", story, _fate(story), _look(story))


def _cancelled(story: Story) -> Iterator[Violation]:
    made = story.made
    if not made["OrderCancelled"]:
        return
    if made["OrderShipped"]:
        yield _violation("shipped and cancelled", story, _fate(story), _look(story))
    if made["PaymentAuthorized"] and not made["PaymentVoided"]:
        yield _violation("authorised, cancelled, not voided", story, _fate(story), _look(story))
    if made["PaymentCaptured"] and not made["PaymentRefunded"]:
        yield _violation("paid, cancelled, not refunded", story, _fate(story), _look(story))
    if made["InventoryReserved"] and not made["InventoryReleased"]:
        yield _violation("reserved, cancelled, not released", story, _fate(story), _look(story))
    answers = made["InventoryReservationFailed"] + made["InventoryReleased"]
    if answers != 1:
        yield _violation("inventory answered a cancellation other than once", story, f"{answers} answers", _look(story))
    answers = made["PaymentFailed"] + made["PaymentVoided"]
    if answers != 1:
        yield _violation("payments answered a cancellation other than once", story, f"{answers} answers", _look(story))


def _shipped(story: Story) -> Iterator[Violation]:
    made = story.made
    if made["OrderShipped"] and not made["PaymentAuthorized"]:
        yield _violation("shipped unpaid", story, _fate(story), _look(story))
    verdicts = made["OrderShipped"] + made["ShippingFailed"] + made["ShipmentCancelled"]
    if verdicts > 1:
        yield _violation("more than one shipping verdict", story, _fate(story), _look(story))


_RULES: tuple[Callable[[Story], Iterator[Violation]], ...] = (_completed, _cancelled, _shipped)


def _violation(name: str, story: Story, detail: str, repair: str) -> Violation:
    return Violation(name=name, subject=f"order {story.order_id}", detail=detail, repair=repair)


def _fate(story: Story) -> str:
    return ", ".join(type for type in sorted(story.made) if type in story.takers)


def _look(story: Story) -> str:
    return f"manage.py explain_order {story.order_id}"
