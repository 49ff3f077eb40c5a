"""What each role of the back office may do: the least that its work needs, in the admin and over the API alike.

A right is one of Django's permissions. What the API asks for is a `Scope`, which stands for such rights, so that an
access token can say it in a word and services need no database to check it.
"""

from collections.abc import Iterator

from django.contrib.auth.models import Group, Permission

from ecommerce.environment import SERVICES
from ecommerce.http.permissions import Scope
from ecommerce.platform.models import User


def _of_each(*codenames: str) -> frozenset[str]:
    """The same right in each service: to its own copy of a collection that all have."""
    return frozenset(f"{service}.{codename}" for service in SERVICES for codename in codenames)


ROLES: dict[str, frozenset[str]] = {
    "support": frozenset(
        {
            "orders.view_order",
            "orders.change_order",  # cancels
            "orders.view_product",
            "payments.view_payment",
            "shipping.view_shipment",
            "inventory.view_stock",
            "inventory.view_reservation",
            "platform.reveal_personal_data",
        }
    ),
    "warehouse": frozenset(
        {
            "inventory.view_stock",
            "inventory.change_stock",  # adjusts
            "inventory.view_reservation",
            "shipping.view_shipment",
        }
    ),
    "finance": frozenset(
        {
            "payments.view_payment",
            "payments.change_payment",  # refunds
            "orders.view_order",
        }
    ),
    "operator": _of_each(
        "view_deadletter",
        "change_deadletter",  # replays, edits, discards
        "view_heartbeat",
        "view_logentry",
        "view_outboxdocument",
        "view_position",
        "view_lease",
    ),
}
_USERS = frozenset(
    {
        *(f"platform.{deed}_user" for deed in ("view", "add", "change")),
        *(f"auth.{deed}_group" for deed in ("view", "add", "change", "delete")),
        "admin.view_logentry",
        *(f"platform.view_{record}" for record in ("datakey", "erasure", "reveal", "spenttoken")),
    }
)
ROLES["admin"] = _USERS.union(*ROLES.values())

RIGHTS_OF: dict[Scope, frozenset[str]] = {
    Scope.ORDERS_READ: frozenset({"orders.view_order"}),
    Scope.ORDERS_CANCEL: frozenset({"orders.change_order"}),
    Scope.STOCK_READ: frozenset({"inventory.view_stock"}),
    Scope.STOCK_ADJUST: frozenset({"inventory.change_stock"}),
    Scope.RESERVATIONS_READ: frozenset({"inventory.view_reservation"}),
    Scope.PAYMENTS_READ: frozenset({"payments.view_payment"}),
    Scope.PAYMENTS_REFUND: frozenset({"payments.change_payment"}),
    Scope.SHIPMENTS_READ: frozenset({"shipping.view_shipment"}),
    Scope.DEAD_LETTERS_READ: _of_each("view_deadletter"),
    Scope.DEAD_LETTERS_CHANGE: _of_each("change_deadletter"),
    Scope.PIPELINE_READ: _of_each("view_heartbeat"),
}


def establish() -> None:
    """Makes a group of each role, with its rights and no others. Run again, it changes nothing.

    Whoever needs another set of rights gets a group of another name. The permissions are those that a migration has
    made: of a service that was never migrated here there are none, and the next run adds them.
    """
    named = Permission.objects.values_list("content_type__app_label", "codename", "pk")
    ids = {f"{app}.{codename}": id for app, codename, id in named}
    for name, rights in ROLES.items():
        group, _ = Group.objects.get_or_create(name=name)
        wanted = {ids[right] for right in rights & ids.keys()}
        # Past the permissions, all of which MongoDB would join with those of groups to find these.
        held = set(Group.permissions.through.objects.filter(group=group).values_list("permission_id", flat=True))
        group.permissions.remove(*(held - wanted))
        group.permissions.add(*(wanted - held))


def scopes_of(user: User) -> Iterator[Scope]:
    """What the API lets this person do to what is not their own: staff have what their rights say."""
    if user.is_staff:
        held = user.get_all_permissions()
        yield from (scope for scope, rights in RIGHTS_OF.items() if rights <= held)
