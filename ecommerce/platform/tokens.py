"""Refresh tokens that are worth nothing any more, and the families that they come from.

Every sign-in begins a family: the refresh tokens that come of it, each for the one before. Of two who have used the
same token one has stolen it, and nobody knows which: then the family ends, and its holder has to sign in again.
"""

from contextlib import suppress
from datetime import UTC, datetime

from django.db import IntegrityError
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import Token

from ecommerce import identity
from ecommerce.platform.models import SpentToken

FAMILY = "sid"  # the claim; as OpenID Connect calls a session


def family_of(token: Token) -> str:
    """Of a token from before there were families, one of its own."""
    return str(token.get(FAMILY) or token["jti"])


def spend(token: Token) -> None:
    """Makes a refresh token worthless. Raises `TokenError` if it is already, and ends its family."""
    family = f"family:{family_of(token)}"
    # Looked for before: of several who use a token at once, the first must not find what the others do about it.
    if SpentToken.objects.filter(pk=family).exists():
        raise TokenError("a token of this sign-in was used twice")
    try:
        _store(token["jti"], token, datetime.fromtimestamp(token["exp"], UTC))
    except IntegrityError as error:
        _end(family, token)
        raise TokenError("the token was used before") from error


def _end(family: str, token: Token) -> None:
    # For as long as any token of it may live: the latest was made just now.
    with suppress(IntegrityError):  # another has ended it
        _store(family, token, identity.now() + api_settings.REFRESH_TOKEN_LIFETIME)


def _store(id: str, token: Token, expires_at: datetime) -> None:
    SpentToken(jti=id, user_id=token["sub"], expires_at=expires_at).save(force_insert=True)
