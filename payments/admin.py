"""Payments in the back office."""

from django.contrib import admin

from ecommerce.backoffice import Deed, DeedsAdmin, Doer, register
from ecommerce.money import written
from ecommerce.registry import engine
from payments import models
from payments.domain import Status
from payments.messages import RefundPayment

register(models.LogEntry, models.OutboxDocument, models.DeadLetter, models.Position, models.Lease, models.Heartbeat)


def _refund(order_id: str, doer: Doer) -> str:
    command = RefundPayment(order_id=order_id, reason=doer.reason, by=doer.by)
    engine("payments").execute(command, id=doer.command_id("refund", order_id))
    return "its refund is asked for at the gateway"


REFUND = Deed(
    name="refund",
    label="Give the money back",
    do=_refund,
    offered=lambda payment: payment.status == Status.CAPTURED and not payment.pending,
    bulk=True,
    dangerous=True,
)


@admin.register(models.Payment)
class PaymentAdmin(DeedsAdmin):
    deeds = (REFUND,)
    list_display = ("order_id", "status", "pending", "money", "failure", "created_at")
    search_fields = ("order_id__exact",)
    exclude = ("sealed", "amount", "currency")
    readonly_fields = ("money",)

    @admin.display(description="amount")
    def money(self, payment: models.Payment) -> str:
        return written(payment.amount, payment.currency)
