"""Who calls: read from the access token alone, without a database."""

from rest_framework_simplejwt.authentication import JWTStatelessUserAuthentication
from rest_framework_simplejwt.models import TokenUser


class Caller(TokenUser):
    """The holder of a valid access token. `id` is the customer's id."""

    @property
    def is_staff(self) -> bool:
        return self.token.get("is_staff") is True

    @property
    def scopes(self) -> frozenset[str]:
        """What staff may do to what is not their own: see `ecommerce.http.permissions.Scope`."""
        return frozenset(str(self.token.get("scope", "")).split())

    @property
    def username(self) -> str:
        return str(self.token.get("username", ""))


class TokenAuthentication(JWTStatelessUserAuthentication):
    """`Authorization: Bearer <access token>`."""
