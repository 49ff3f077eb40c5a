"""What the carrier answers. ShipmentCreated is what asks it: from then on a shipment is in the carrier's hands."""

from ecommerce.messages import Answer


class CarrierAccepted(Answer, frozen=True, kw_only=True):
    """The carrier has the parcel."""

    order_id: str
    tracking_number: str


class CarrierRefused(Answer, frozen=True, kw_only=True):
    """The carrier refused for good: it has no parcel, nor will it.

    A task that cannot ask any more (ERASED: the address's key is gone) may only say this once the carrier has
    confirmed that an earlier booking, whose answer got lost, did not and will not succeed.
    """

    order_id: str
    reason: str


class CarrierDelivered(Answer, frozen=True, kw_only=True):
    """The carrier has handed the parcel over. May come before CarrierAccepted."""

    order_id: str
