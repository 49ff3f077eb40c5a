"""The first page of the back office: today's figures, and what needs a person. Everybody sees what they may look at.

What is shown is counted by an index and no further than `MOST`: the page is as quick in a large shop as in a small one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.contrib import admin
from django.db import DatabaseError
from django.http import HttpRequest
from django.urls import reverse
from pymongo.errors import PyMongoError

from ecommerce import identity
from ecommerce.audit import scheduled
from ecommerce.deadletters import letters
from ecommerce.registry import engine, services

MOST = 1000
AUDIT_RIGHT = "platform.view_erasure"
_INSIDE = ("LogEntry", "OutboxDocument", "Position", "Lease", "Heartbeat")
_ICONS = {
    "Order": "receipt_long",
    "Product": "sell",
    "Stock": "inventory_2",
    "Reservation": "bookmark",
    "Payment": "payments",
    "Shipment": "local_shipping",
    "DeadLetter": "mark_email_unread",
    "User": "person",
    "Group": "group",
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """`count` of `label`, up to `MOST`, for those with `right`; `query` narrows `model`'s list to what is counted.

    One that `needs_a_person` is good at 0.
    """

    label: str
    right: str
    count: Callable[[], int]
    model: str  # as "orders_order"
    query: str = ""
    needs_a_person: bool = False


_figures: list[Figure] = []


def show(*figures: Figure) -> None:
    """Adds figures of a service to the page."""
    _figures.extend(figures)


def counted(service: str, collection: str, condition: dict[str, Any]) -> int:
    """How many documents there are of a service, `MOST` + 1 for more."""
    return int(engine(service).database[collection].count_documents(condition, limit=MOST + 1))


def today() -> datetime:
    """When this day began, in UTC."""
    return identity.now().replace(hour=0, minute=0, second=0, microsecond=0)


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the page's template is given."""
    cards = [_card(each) for each in (*_figures, *_dead_letters()) if request.user.has_perm(each.right)]  # type: ignore[union-attr]
    needed = [card for card in cards if card["needs_a_person"]]
    context["today"] = [card for card in cards if not card["needs_a_person"]]
    context["waiting"] = [card for card in needed if card["count"] != "0"]
    context["in_order"] = [card["label"] for card in needed if card["count"] == "0"]
    if request.user.has_perm(AUDIT_RIGHT):  # type: ignore[union-attr]
        context["audit"] = _last_audit()
    return context


def _card(figure: Figure) -> dict[str, Any]:
    try:
        number = figure.count()
        count = f"{MOST:,}+" if number > MOST else f"{number:,}"
    except (PyMongoError, DatabaseError) as error:
        log.warning("a figure is unknown", figure=figure.label, error=repr(error)[:500])
        count = "unknown"
    url = reverse(f"admin:{figure.model}_changelist") + (f"?{figure.query}" if figure.query else "")
    return {"label": figure.label, "count": count, "url": url, "needs_a_person": figure.needs_a_person}


def _dead_letters() -> Iterator[Figure]:
    open_ones = {"status": {"$in": list(letters.OPEN)}}
    for service in services():
        yield Figure(
            label=f"dead letters of {service.name}",
            right=f"{service.name}.view_deadletter",
            count=lambda name=service.name: counted(name, letters.COLLECTION, open_ones),  # type: ignore[misc]
            model=f"{service.name}_deadletter",
            needs_a_person=True,
        )


def _last_audit() -> dict[str, Any]:
    try:
        last = scheduled.last()
    except PyMongoError as error:
        return {"unknown": repr(error)[:200]}
    return {"last": last, "violations": sorted(last.violations.items()) if last else []}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The menu: what the shop has first, what is inside of it last."""
    names = [service.name for service in services()]
    shop, set_aside, inside, people = [], [], [], []
    apps = {app["app_label"]: app for app in admin.site.get_app_list(request)}
    for label in (*names, *(set(apps) - set(names))):
        for model in apps.get(label, {"models": []})["models"]:
            name = model["object_name"]
            item = {
                "title": str(model["name"]).capitalize(),
                "icon": _ICONS.get(name, "list"),
                "link": model["admin_url"],
            }
            if label not in names:
                people.append(item)
            elif name == "DeadLetter":
                set_aside.append(item | {"title": label.capitalize()})
            elif name in _INSIDE:
                inside.append(item | {"title": f"{label.capitalize()}: {str(model['name']).lower()}"})
            else:
                shop.append(item)
    groups = (("Shop", shop, False), ("Dead letters", set_aside, False), ("People and records", people, False))
    return [
        {"title": title, "items": items, "separator": True, "collapsible": collapsible}
        for title, items, collapsible in (*groups, ("Inside", inside, True))
        if items
    ]
