"""Who may do what."""

from enum import StrEnum
from typing import ClassVar, cast

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from ecommerce.http.authentication import Caller


class Scope(StrEnum):
    """What somebody may do to what is not their own, as the claim `scope` of an access token says it (RFC 9068).

    `ecommerce.platform.roles` says who has which. A customer has none.
    """

    ORDERS_READ = "orders:read"
    ORDERS_CANCEL = "orders:cancel"
    STOCK_READ = "stock:read"
    STOCK_ADJUST = "stock:adjust"
    RESERVATIONS_READ = "reservations:read"
    PAYMENTS_READ = "payments:read"
    PAYMENTS_REFUND = "payments:refund"
    SHIPMENTS_READ = "shipments:read"
    DEAD_LETTERS_READ = "dead-letters:read"
    DEAD_LETTERS_CHANGE = "dead-letters:change"
    PIPELINE_READ = "pipeline:read"


class Needs(BasePermission):
    """Only for those who have `scope`."""

    scope: ClassVar[Scope]

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.user is not None and has(request, self.scope)


def needs(scope: Scope) -> type[Needs]:
    """A permission class for a view that nobody uses on what is their own."""
    return type(f"Needs {scope}", (Needs,), {"scope": scope})


def caller(request: Request) -> Caller:
    """The authenticated caller."""
    return cast(Caller, request.user)


def has(request: Request, scope: Scope) -> bool:
    """Whether the caller has it."""
    return scope in caller(request).scopes


def owns(request: Request, customer_id: str) -> bool:
    """Whether the caller is this customer."""
    return str(caller(request).id) == customer_id


def may_see(request: Request, customer_id: str, scope: Scope) -> bool:
    """Whether the caller may see what belongs to `customer_id`: the owner, and staff with `scope`."""
    return owns(request, customer_id) or has(request, scope)
