"""The shapes of the authentication requests."""

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as PasswordRefused
from django.core.validators import RegexValidator
from rest_framework import serializers
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer, TokenRefreshSerializer
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import RefreshToken, Token
from rest_framework_simplejwt.utils import get_md5_hash_password

from ecommerce.http.parsing import StrictSerializer, Text
from ecommerce.http.shapes import Shape
from ecommerce.platform.models import User
from ecommerce.platform.roles import scopes_of
from ecommerce.platform.tokens import FAMILY, family_of, spend

LONGEST_PASSWORD = 128  # hashing a longer one costs whoever does it, not whoever asks
LONGEST_TOKEN = 4000


class RegisterSerializer(StrictSerializer):
    username = Text(validators=[RegexValidator(r"^[a-zA-Z0-9_.@+-]{3,150}\Z")])
    password = Text(max_length=LONGEST_PASSWORD, trim_whitespace=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            validate_password(attrs["password"], User(username=attrs["username"]))
        except PasswordRefused as error:
            raise serializers.ValidationError({"password": error.messages}) from error
        return attrs


class TokenSerializer(StrictSerializer, TokenObtainPairSerializer):
    """Puts into the token what services need to know of its holder."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"] = Text(max_length=150)
        self.fields["password"] = Text(max_length=LONGEST_PASSWORD, trim_whitespace=False)

    @classmethod
    def get_token(cls, user: Any) -> Token:
        token = super().get_token(user)
        token[FAMILY] = token["jti"]
        token["username"] = user.get_username()
        token["is_staff"] = user.is_staff
        token["scope"] = " ".join(scopes_of(user))
        return token


class RefreshSerializer(StrictSerializer, TokenRefreshSerializer):
    """Gives a new pair for a refresh token and spends the old one, at most once however many ask at the same time.

    The new pair says what its holder is now: rights, name and password may have changed since they signed in.
    """

    refresh = Text(max_length=LONGEST_TOKEN)
    access = None  # type: ignore[assignment]  # it only goes out

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        old = RefreshToken(attrs["refresh"])
        user = User.objects.filter(pk=old.get(api_settings.USER_ID_CLAIM)).first()
        if user is None or not user.is_active or not _still_has_password(user, old):
            raise TokenError("its holder may not sign in with it any more")
        spend(old)
        new = TokenSerializer.get_token(user)
        new[FAMILY] = family_of(old)
        return {"access": str(new.access_token), "refresh": str(new)}  # type: ignore[attr-defined]


def _still_has_password(user: User, token: Token) -> bool:
    return bool(token.get(api_settings.REVOKE_TOKEN_CLAIM) == get_md5_hash_password(user.password))


class LogoutSerializer(StrictSerializer):
    refresh = Text(max_length=LONGEST_TOKEN)


class Account(Shape):
    """A new customer; `id` is the customer's id in orders."""

    id: str
    username: str


class Tokens(Shape):
    """`access` goes into `Authorization: Bearer`, for minutes; `refresh` gives the next pair, once."""

    refresh: str
    access: str


class Nothing(Shape):
    """It is done."""


class Ticket(Shape):
    """It opens the live view, once."""

    ticket: str
