"""What is read of shipping."""

from collections.abc import Sequence
from datetime import datetime

from ecommerce import storage
from ecommerce.registry import engine
from shipping import domain
from shipping.domain import Pending
from shipping.models import Shipment
from shipping.service import SHIPMENTS


def shipment(order_id: str) -> Shipment | None:
    """An order's shipment, once its order is known here."""
    return Shipment.objects.filter(pk=order_id).exclude(customer_id="").first()


def was_asked(order_id: str) -> bool:
    """Whether the carrier has been asked about this order: only then it has something to say."""
    return Shipment.objects.filter(pk=order_id).exclude(carrier="").exists()


def asked(order_ids: Sequence[str]) -> list[domain.Shipment]:
    """Those of `order_ids` that the carrier is still to be asked to take."""
    where = {"_id": {"$in": list(order_ids)}, "pending": Pending.BOOK}
    return storage.states(engine("shipping").database, SHIPMENTS, where)


def unanswered(since: datetime, *, limit: int) -> list[str]:
    """Shipments for which the carrier owes an answer since before `since`, the oldest first."""
    found = Shipment.objects.filter(pending=Pending.BOOK, updated_at__lt=since).order_by("updated_at")
    return list(found.values_list("pk", flat=True)[:limit])
