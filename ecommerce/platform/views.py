"""Signing up, in and out."""

from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError
from rest_framework.views import APIView
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer, TokenRefreshSerializer
from rest_framework_simplejwt.tokens import RefreshToken, Token
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from ecommerce.platform.models import SpentToken, User
from ecommerce.platform.serializers import LogoutSerializer, RegisterSerializer


class TokenSerializer(TokenObtainPairSerializer):
    """Puts into the token what services need to know of its holder."""

    @classmethod
    def get_token(cls, user: Any) -> Token:
        token = super().get_token(user)
        token["username"] = user.get_username()
        token["is_staff"] = user.is_staff
        return token


class RegisterView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request: Request) -> Response:
        serializer = RegisterSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user = User(username=serializer.validated_data["username"])
        user.set_password(serializer.validated_data["password"])
        try:
            user.save(force_insert=True)
        except IntegrityError as error:
            raise ValidationError({"username": ["Is taken."]}) from error
        return Response({"id": user.pk, "username": user.username}, status=status.HTTP_201_CREATED)


class TokenView(TokenObtainPairView):
    serializer_class = TokenSerializer


class RefreshSerializer(TokenRefreshSerializer):
    """Gives a new pair for a refresh token and spends the old one, at most once however many ask at the same time."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        answer: dict[str, str] = super().validate(attrs)
        spend(RefreshToken(attrs["refresh"]))
        return answer


class RefreshView(TokenRefreshView):
    serializer_class = RefreshSerializer


class LogoutView(APIView):
    """Takes `{refresh}`: that token is worth nothing from now on."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request: Request) -> Response:
        serializer = LogoutSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            spend(RefreshToken(serializer.validated_data["refresh"]))
        except TokenError as error:
            raise InvalidToken(error.args[0]) from error
        return Response({})


def spend(token: Token) -> None:
    """Makes a refresh token worthless. Raises `TokenError` if it is already: whoever has it may have stolen it."""
    expires_at = datetime.fromtimestamp(token["exp"], UTC)
    try:
        SpentToken(jti=token["jti"], user_id=token["sub"], expires_at=expires_at).save(force_insert=True)
    except IntegrityError as error:
        raise TokenError("the token was used before") from error
