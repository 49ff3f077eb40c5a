"""The shapes of shipping's answers."""

from typing import Annotated

from ecommerce.http.shapes import OrderId, Shape, one_of
from shipping import models
from shipping.domain import Status


class Shipment(Shape):
    """An order's parcel. `failure` is why the carrier refused it."""

    order_id: OrderId
    status: Annotated[str, one_of(Status)]
    carrier: str | None
    tracking_number: str | None
    failure: str | None


def represent(shipment: models.Shipment) -> Shipment:
    return Shipment(
        order_id=shipment.order_id,
        status=shipment.status,
        carrier=shipment.carrier or None,
        tracking_number=shipment.tracking_number or None,
        failure=shipment.failure or None,
    )
