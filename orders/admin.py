"""Orders in the back office."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from ecommerce import identity
from ecommerce.backoffice import Deed, DeedsAdmin, Doer, ReadOnlyAdmin, RevealingAdmin, SagaAdmin, register
from ecommerce.backoffice.filters import Narrow, choice, one_of
from ecommerce.backoffice.landing import Figure, counted, show, today
from ecommerce.money import written
from ecommerce.platform.models import User
from ecommerce.registry import engine
from ecommerce.vault import vault
from orders import models, selectors
from orders.domain import Status
from orders.events import CancelledBy
from orders.messages import CancelOrder
from orders.sealing import address_of, note_of
from orders.service import ORDER

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
    label="Cancel the order",
    do=_cancel,
    offered=lambda order: order.status in selectors.OPEN,
    bulk=True,
    dangerous=True,
)


@admin.register(models.Order)
class OrderAdmin(SagaAdmin, DeedsAdmin, RevealingAdmin):
    deeds = (CANCEL,)
    list_display = ("order_id", "status", "customer_id", "total", "attention", "created_at")
    list_filter = (one_of("status", Status), choice("needs", _NEEDS), "created_at")
    search_fields = ("order_id__exact",)
    search_help_text = "An order's id, a customer's id or user name, or a sku"
    ordering = ("-created_at", "-order_id")
    readonly_fields = ("total", "goods")
    fieldsets = (
        (None, {"fields": ("order_id", "status", "attention", "customer_id", "goods", "total")}),
        ("Its end", {"fields": ("cancellation_reason", "failure", "carrier", "tracking_number")}),
        (
            "Inside",
            {"fields": ("created_at", "updated_at", "facts", "cancellation_asked", "version", "parked", "stamp")},
        ),
    )

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

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = super().get_fieldsets(request, obj)
        # The way to the customer's address, for those who have it
        more = [name for name in self.get_readonly_fields(request, obj) if name not in self.readonly_fields]
        return [*shown, ("Personal data", {"fields": more})] if more else shown

    @admin.display(description="total")
    def total(self, order: models.Order) -> str:
        return written(order.total_amount, order.currency)

    @admin.display(description="goods")
    def goods(self, order: models.Order) -> SafeString:
        lines = ((item["quantity"], item["sku"], written(item["unit_price"], order.currency)) for item in order.items)
        return format_html_join("", "{} × {} at {}<br>", lines)

    def opened(self, order: models.Order) -> dict[str, str]:
        if not order.sealed:
            return {"Address": "none: no order was placed here"}
        address = address_of(vault(), order.pk, order.sealed)
        place = f"{address.postal_code} {address.city}, {address.country}"
        notes = "; ".join(note_of(vault(), order.pk, sealed) for sealed in selectors.notes(order.pk))
        shown = {"Name": address.name, "Address": f"{address.line1}, {place}"}
        return shown | ({"Said when cancelling": notes} if notes else {})


def _figure(label: str, condition: Callable[[], dict[str, Any]], query: str, *, needs_a_person: bool = False) -> Figure:
    return Figure(
        label=label,
        right="orders.view_order",
        count=lambda: counted("orders", ORDER.collection, condition()),
        model="orders_order",
        query=query,
        needs_a_person=needs_a_person,
    )


def _placed_today(**condition: Any) -> Callable[[], dict[str, Any]]:
    return lambda: condition | {"created_at": {"$gte": today()}}


def _late() -> dict[str, Any]:
    return {"status": {"$in": list(selectors.OPEN)}, "created_at": {"$lt": identity.now() - settings.ORDER_DEADLINE}}


show(
    _figure("orders overdue", _late, "needs=overdue", needs_a_person=True),
    _figure("orders that need staff", lambda: {"attention": {"$gt": ""}}, "needs=attention", needs_a_person=True),
    _figure("orders held by a dead letter", lambda: {"parked": {"$gt": 0}}, "needs=held", needs_a_person=True),
    _figure("orders placed", _placed_today(), ""),
    _figure("of them completed", _placed_today(status=Status.COMPLETED), "status=COMPLETED"),
    _figure("of them cancelled", _placed_today(status=Status.CANCELLED), "status=CANCELLED"),
)


@admin.register(models.Product)
class ProductAdmin(ReadOnlyAdmin):
    list_display = ("sku", "name", "price", "currency", "revision")
    search_fields = ("sku__exact",)
