"""The shapes of shipping's answers."""

from typing import Any

from shipping.models import Shipment


def represent(shipment: Shipment) -> dict[str, Any]:
    """A shipment as the API shows it."""
    return {
        "orderId": shipment.order_id,
        "status": shipment.status,
        "carrier": shipment.carrier or None,
        "trackingNumber": shipment.tracking_number or None,
        "failure": shipment.failure or None,
    }
