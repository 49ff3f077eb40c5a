"""What is read of inventory."""

from inventory.models import Reservation, Stock

_MOST_PRODUCTS = 1000


def products() -> list[Stock]:
    """What is on sale, by sku."""
    return list(Stock.objects.filter(revision__gt=0).order_by("pk")[:_MOST_PRODUCTS])


def stock(sku: str) -> Stock | None:
    """A product's stock, if there is such a product."""
    return Stock.objects.filter(pk=sku, revision__gt=0).first()


def reservation(order_id: str) -> Reservation | None:
    """What is set aside for an order."""
    return Reservation.objects.filter(pk=order_id).first()
