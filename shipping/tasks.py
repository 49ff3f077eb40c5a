"""What shipping asks the carrier, outside any transaction, and what it makes of the answers.

Every task may run twice: the carrier knows a booking by its order, and an answer's id follows from the question.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any

import msgspec
import structlog
from celery import current_app, shared_task
from django.conf import settings

from ecommerce import identity, typed
from ecommerce.heartbeats import watched
from ecommerce.masterkeys import Locked
from ecommerce.messages import Answer
from ecommerce.outside import Outside
from ecommerce.registry import engine
from ecommerce.vault import Erased, vault
from shipping import carrier as c
from shipping import selectors
from shipping.domain import Shipment
from shipping.messages import CarrierAccepted, CarrierRefused

log = structlog.get_logger(__name__)

_UNANSWERED_AFTER = timedelta(seconds=3)
_AT_ONCE = 100
_MOST_SWEPT = 1000


class _Address(msgspec.Struct, rename="camel"):
    name: str
    line1: str
    city: str
    postal_code: str
    country: str


@cache
def carrier() -> c.SandboxCarrier:
    """The carrier of this process: one connection pool, one circuit breaker."""
    return c.SandboxCarrier(watched(Outside("carrier", settings.CARRIER_URL), service="shipping"))


@shared_task(name="shipping.book")
def book(order_ids: Sequence[str]) -> None:
    """Hands these orders to the carrier."""
    shipments = selectors.asked(order_ids)
    vault().load(shipment.sealed.key_id for shipment in shipments if shipment.sealed)
    bookings, erased = [], []
    for shipment in shipments:
        try:
            bookings.append(_booking(shipment))
        except Erased:
            erased.append(c.Withdraw(order=shipment.order_id))
        except Locked as locked:  # the sweep asks again, until the setting is right
            log.error("not asked", correlation_id=shipment.order_id, error=str(locked))
    take([_answer(each.order, outcome) for each, outcome in zip(bookings, carrier().book(bookings), strict=True)])
    # An earlier booking, whose answer got lost, may have succeeded or still be on its way: the carrier decides.
    take([_erased(each.order, outcome) for each, outcome in zip(erased, carrier().withdraw(erased), strict=True)])


def _booking(shipment: Shipment) -> c.Book:
    sealed = shipment.sealed
    assert sealed, "nothing is asked for before the order is known"
    text = vault().unseal(sealed.key_id, sealed.address, context=f"{shipment.order_id}:address")
    address = typed.decode(text, _Address)
    return c.Book(order=shipment.order_id, address=c.Address(**msgspec.structs.asdict(address)))


@shared_task(name="shipping.sweep")
def sweep() -> None:
    """Asks again what has been without an answer for a while."""
    order_ids = selectors.unanswered(identity.now() - _UNANSWERED_AFTER, limit=_MOST_SWEPT)
    for start in range(0, len(order_ids), _AT_ONCE):
        chunk = order_ids[start : start + _AT_ONCE]
        current_app.send_task(
            "shipping.book", args=[chunk], queue="shipping", expires=_UNANSWERED_AFTER.total_seconds()
        )


def _answer(order_id: str, outcome: Any) -> Answer | None:
    match outcome:
        case c.Accepted(tracking_number=number) | c.Delivered(tracking_number=number):
            return CarrierAccepted(order_id=order_id, tracking_number=number)
        case c.Refused(reason=reason):
            return CarrierRefused(order_id=order_id, reason=reason)
    log.info("no answer yet", correlation_id=order_id, asked="BOOK", outcome=repr(outcome))
    return None


def _erased(order_id: str, outcome: Any) -> Answer | None:
    return (
        CarrierRefused(order_id=order_id, reason="ERASED")
        if isinstance(outcome, c.Refused)
        else _answer(order_id, outcome)
    )


def take(answers: Sequence[Answer | None]) -> None:
    """Takes what the carrier said, however it came: the same answer has the same id, so the log drops a second."""
    shipping = engine("shipping")
    shipping.take(
        [
            shipping.input(answer, id=identity.derived_id("answer", answer.key, "BOOK", type(answer).__name__))
            for answer in answers
            if answer is not None
        ]
    )
