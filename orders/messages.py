"""What people and clocks say to orders."""

import msgspec

from ecommerce.messages import Command, Deadline
from orders.events import CancelledBy, Sealed


class RequestedItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a customer puts in the basket; the price is not theirs to say."""

    sku: str
    quantity: int


class PlaceOrder(Command, frozen=True, kw_only=True):
    """A customer orders `items`. `fingerprint` is an HMAC of the request, to tell a repetition from another one."""

    order_id: str
    customer_id: str
    items: tuple[RequestedItem, ...]
    sealed: Sealed
    fingerprint: str


class SealedNote(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a customer says, encrypted with the data key `key_id`: it may be about themselves."""

    key_id: str
    note: str


class CancelOrder(Command, frozen=True, kw_only=True):
    """The customer or staff want the order cancelled. `note` is what staff say, `sealed` what the customer says."""

    order_id: str
    by: CancelledBy
    note: str = ""
    sealed: SealedNote | None = None


class OrderExpired(Deadline, frozen=True, kw_only=True):
    """The order has taken longer than it may."""

    order_id: str
