"""What is read of payments."""

from collections.abc import Sequence
from datetime import datetime

from ecommerce import storage
from ecommerce.registry import engine
from payments import domain
from payments.domain import Pending
from payments.models import Payment
from payments.service import PAYMENT


def payment(order_id: str) -> Payment | None:
    """An order's payment, once its order is known here."""
    return Payment.objects.filter(pk=order_id).exclude(customer_id="").first()


def state(order_id: str) -> domain.Payment | None:
    """What payments knows of an order, if anything."""
    found: list[domain.Payment] = storage.states(engine("payments").database, PAYMENT, {"_id": order_id})
    return found[0] if found else None


def asked(order_ids: Sequence[str], pending: Pending) -> list[domain.Payment]:
    """Those of `order_ids` for which the gateway is still to be asked for `pending`."""
    where = {"_id": {"$in": list(order_ids)}, "pending": pending}
    return storage.states(engine("payments").database, PAYMENT, where)


def unanswered(pending: Pending, since: datetime, *, limit: int) -> list[str]:
    """Payments for which the gateway owes an answer since before `since`, the oldest first."""
    found = Payment.objects.filter(pending=pending, updated_at__lt=since).order_by("updated_at")
    return list(found.values_list("pk", flat=True)[:limit])
