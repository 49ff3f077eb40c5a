"""What the four services' aggregates of an order that has ended must say of each other."""

from collections import Counter
from collections.abc import Iterator

from ecommerce.audit.names import Name
from ecommerce.audit.story import Story, Violation

# Orders' status → what each other service's may be then.
_ENDS = {
    "COMPLETED": {
        "inventory": {"COMMITTED"},
        "payments": {"CAPTURED", "REFUNDED"},
        "shipping": {"SHIPPED", "DELIVERED"},
    },
    "CANCELLED": {
        "inventory": {"RELEASED", "FAILED"},
        "payments": {"VOIDED", "FAILED"},
        "shipping": {"CANCELLED", "FAILED"},
    },
}
_ENDS["DELIVERED"] = _ENDS["COMPLETED"]


def _statuses(story: Story) -> Iterator[Violation]:
    status = {service: str(document.get("status", "")) for service, document in story.stored.items()}
    if "orders" not in status:
        return
    allowed = _ENDS.get(status["orders"], {})
    if not allowed or any(status[each] not in allowed[each] for each in allowed if each in status):
        yield story.violation(Name.STATUSES, ", ".join(f"{service} {status[service]}" for service in sorted(status)))


def _amounts(story: Story) -> Iterator[Violation]:
    order, payment = story.stored.get("orders"), story.stored.get("payments")
    if not order or not payment:
        return
    wanted, asked = _money(order["total_amount"], order["currency"]), _money(payment["amount"], payment["currency"])
    if wanted != asked:
        yield story.violation(Name.AMOUNTS, f"the order costs {wanted}, the payment is of {asked}")


def _money(amount: int, currency: str) -> str:
    return f"{amount} minor units {currency}"


def _goods(story: Story) -> Iterator[Violation]:
    order, reservation = story.stored.get("orders"), story.stored.get("inventory")
    if not order or not reservation or not reservation["lines"]:
        return
    ordered, reserved = Counter[str](), Counter[str]()
    for item in order["items"]:
        ordered[item["sku"]] += item["quantity"]
    for line in reservation["lines"]:
        reserved[line["sku"]] += line["quantity"]
    if ordered != reserved:
        yield story.violation(Name.GOODS, f"ordered {dict(ordered)}, reserved {dict(reserved)}")


RULES = (_statuses, _amounts, _goods)
