"""Who may do what."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView


class IsStaff(BasePermission):
    """The back office only."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return bool(request.user and request.user.is_staff)


def may_see(request: Request, customer_id: str) -> bool:
    """Whether the caller may see what belongs to `customer_id`: owners and staff."""
    return bool(request.user.is_staff or str(request.user.id) == customer_id)
