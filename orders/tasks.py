"""Orders' deadlines."""

from celery import shared_task
from django.conf import settings

from ecommerce import identity, killpoints
from ecommerce.killpoints import Place
from ecommerce.registry import engine
from orders import selectors
from orders.messages import OrderExpired

_AT_ONCE = 500


@shared_task(name="orders.expire")
def expire() -> int:
    """Tells orders that have taken too long that their time has come. Gives their number."""
    overdue = selectors.overdue(identity.now() - settings.ORDER_DEADLINE, limit=_AT_ONCE)
    if overdue:
        killpoints.reached(Place.DEADLINE_AFTER_READING)
    orders = engine("orders")
    orders.take(
        [
            orders.input(OrderExpired(order_id=id), id=identity.derived_id("deadline", id, "OrderExpired"))
            for id in overdue
        ]
    )
    return len(overdue)
