"""What the carrier tells by itself: signed notices about parcels, in no sequence and more than once.

The header is `Carrier-Signature: t=<seconds since 1970>,v1=<hex>`, where v1 is the HMAC-SHA256 of `<t>.<raw body>` with
the shared secret. While the carrier changes its secret it sends a v1 for each; one that fits is enough.
"""

import hashlib
import hmac
from typing import Annotated

import msgspec

from ecommerce import typed
from ecommerce.messages import Answer
from shipping.messages import CarrierAccepted, CarrierDelivered, CarrierRefused

HEADER = "Carrier-Signature"
TOLERANCE = 300  # seconds between the carrier's clock and ours, either way


class BadSignature(Exception):
    """The notice is not known to be the carrier's; the text says why."""


class BadNotice(ValueError):
    """The carrier signed what cannot be understood; the text says what."""


class Notice(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of an order's parcel. More fields may come with it."""

    order: str
    status: str
    tracking_number: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None


_notices = typed.decoder(Notice)


def verify(body: bytes, header: str, *, secret: str, now: float) -> None:
    """Raises `BadSignature` unless `header` signs `body`, within `TOLERANCE` of `now` (seconds since 1970)."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit() and len(times[0]) <= 12):
        raise BadSignature(f"{HEADER} must be t=<seconds>,v1=<hex>")
    expected = hmac.new(secret.encode(), f"{times[0]}.".encode() + body, hashlib.sha256).hexdigest().encode()
    fits = [hmac.compare_digest(value.encode(), expected) for name, _, value in parts if name == "v1"]
    if not any(fits):
        raise BadSignature("no v1 fits the body")
    if abs(now - int(times[0])) > TOLERANCE:
        raise BadSignature(f"signed more than {TOLERANCE} seconds ago, or ahead of time")


def read(body: bytes) -> Notice:
    """The notice in a body. Raises `BadNotice`."""
    try:
        return _notices.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadNotice(str(error)) from error


def answer(notice: Notice) -> Answer | None:
    """What the notice says to the question that shipping asked; None if it is about something else.

    Raises `BadNotice` if it lacks what such an answer needs.
    """
    match notice.status:
        case "accepted":
            return CarrierAccepted(order_id=notice.order, tracking_number=_given(notice, "tracking_number"))
        case "refused":
            return CarrierRefused(order_id=notice.order, reason=_given(notice, "reason"))
        case "delivered":
            return CarrierDelivered(order_id=notice.order)
    return None


def _given(notice: Notice, field: str) -> str:
    value = getattr(notice, field)
    if value is None:
        name = notice.__struct_encode_fields__[notice.__struct_fields__.index(field)]
        raise BadNotice(f"a parcel that is {notice.status} needs a `{name}`")
    return str(value)
