"""Who may do what."""

from typing import cast

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from ecommerce.http.authentication import Caller


class IsStaff(BasePermission):
    """The back office only."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.user is not None and caller(request).is_staff


def caller(request: Request) -> Caller:
    """The authenticated caller."""
    return cast(Caller, request.user)


def may_see(request: Request, customer_id: str) -> bool:
    """Whether the caller may see what belongs to `customer_id`: owners and staff."""
    who = caller(request)
    return who.is_staff or str(who.id) == customer_id
