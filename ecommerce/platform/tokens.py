"""Refresh tokens that are worth nothing any more."""

from datetime import UTC, datetime

from django.db import IntegrityError
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import Token

from ecommerce.platform.models import SpentToken


def spend(token: Token) -> None:
    """Makes a refresh token worthless. Raises `TokenError` if it is already: whoever has it may have stolen it."""
    expires_at = datetime.fromtimestamp(token["exp"], UTC)
    try:
        SpentToken(jti=token["jti"], user_id=token["sub"], expires_at=expires_at).save(force_insert=True)
    except IntegrityError as error:
        raise TokenError("the token was used before") from error
