"""Orders in the back office."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from ecommerce import identity
from ecommerce.backoffice import Deed, DeedsAdmin, Doer, ReadOnlyAdmin, RevealingAdmin, SagaAdmin, register
from ecommerce.backoffice.filters import Narrow, choice, one_of
from ecommerce.platform.models import User
from ecommerce.registry import engine
from ecommerce.vault import vault
from orders import models, selectors
from orders.domain import Status
from orders.events import CancelledBy
from orders.messages import CancelOrder
from orders.sealing import address_of, note_of

MOST_FOUND = 500  # orders of one product, or that need staff

register(models.LogEntry, models.OutboxDocument, models.DeadLetter, models.Position, models.Lease, models.Heartbeat)


def _overdue(rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(status__in=selectors.OPEN, created_at__lt=identity.now() - settings.ORDER_DEADLINE)


def _few(found: Callable[..., list[str]]) -> Narrow:
    """By their ids: with another condition beside this one, MongoDB would walk along an index that has all orders."""
    return lambda rows: rows.filter(pk__in=found(limit=MOST_FOUND))


_NEEDS = {
    "overdue": ("Overdue", _overdue),
    "attention": ("Needs staff", _few(selectors.needing_staff)),
    "held": ("Held by a dead letter", _few(selectors.held)),
}


def _cancel(order_id: str, doer: Doer) -> str:
    command = CancelOrder(order_id=order_id, by=CancelledBy.STAFF, note=doer.reason)
    engine("orders").execute(command, id=doer.command_id("cancel", order_id))
    return "its cancellation is asked for: shipping decides whether it is in time"


CANCEL = Deed(
    name="cancel",
    label="Cancel",
    do=_cancel,
    offered=lambda order: order.status in selectors.OPEN,
    bulk=True,
    dangerous=True,
)


@admin.register(models.Order)
class OrderAdmin(DeedsAdmin, SagaAdmin, RevealingAdmin):
    deeds = (CANCEL,)
    list_display = ("order_id", "status", "customer_id", "total_amount", "currency", "attention", "created_at")
    list_filter = (one_of("status", Status), choice("needs", _NEEDS), "created_at")
    search_fields = ("order_id__exact",)
    search_help_text = "An order's id, a customer's id or user name, or a sku"
    ordering = ("-created_at", "-order_id")
    exclude = ("sealed", "fingerprint")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By whichever it is, one after the other: each has an index, an "or" of them all would have none."""
        if not (term := search_term.strip()):
            return queryset, False
        if models.Order.objects.filter(pk=term).exists():
            return queryset.filter(pk=term), False
        customer = User.objects.filter(username=term).values_list("pk", flat=True).first() or term
        if models.Order.objects.filter(customer_id=customer).exists():
            return queryset.filter(customer_id=customer), False
        return queryset.filter(pk__in=selectors.with_sku(term, limit=MOST_FOUND)), False

    def opened(self, order: models.Order) -> dict[str, str]:
        if not order.sealed:
            return {"Address": "none: no order was placed here"}
        address = address_of(vault(), order.pk, order.sealed)
        place = f"{address.postal_code} {address.city}, {address.country}"
        notes = "; ".join(note_of(vault(), order.pk, sealed) for sealed in selectors.notes(order.pk))
        shown = {"Name": address.name, "Address": f"{address.line1}, {place}"}
        return shown | ({"Said when cancelling": notes} if notes else {})


@admin.register(models.Product)
class ProductAdmin(ReadOnlyAdmin):
    list_display = ("sku", "name", "price", "currency", "revision")
    search_fields = ("sku__exact",)
