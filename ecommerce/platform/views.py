"""Signing up, in and out."""

from typing import Any

from django.db import IntegrityError
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError
from rest_framework.views import APIView
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError
from rest_framework_simplejwt.tokens import RefreshToken
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from ecommerce.http.describing import operation
from ecommerce.http.permissions import caller
from ecommerce.platform import tickets
from ecommerce.platform.models import User
from ecommerce.platform.serializers import (
    Account,
    LogoutSerializer,
    Nothing,
    RefreshSerializer,
    RegisterSerializer,
    Ticket,
    Tokens,
    TokenSerializer,
)
from ecommerce.platform.tokens import spend

_REFUSED = ["unauthenticated"]


class RegisterView(APIView):
    throttle_scope = "sign-in"
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @operation("register", "Opens a customer's account", body=RegisterSerializer, answers={201: Account})
    def post(self, request: Request) -> Response:
        serializer = RegisterSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user = User(username=serializer.validated_data["username"])
        user.set_password(serializer.validated_data["password"])
        try:
            user.save(force_insert=True)
        except IntegrityError as error:
            raise ValidationError({"username": ["Is taken."]}) from error
        return Response(Account(id=user.pk, username=user.username), status=status.HTTP_201_CREATED)


class TokenView(TokenObtainPairView):
    throttle_scope = "sign-in"
    serializer_class = TokenSerializer

    @operation(
        "signIn",
        "Gives tokens for a password",
        body=TokenSerializer,
        answers={200: Tokens},
        problems=[*_REFUSED, "sign-in-locked"],
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().post(request, *args, **kwargs)


class RefreshView(TokenRefreshView):
    throttle_scope = "sign-in"
    serializer_class = RefreshSerializer

    @operation("refresh", "Gives new tokens for old", body=RefreshSerializer, answers={200: Tokens}, problems=_REFUSED)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The old refresh token is worth nothing then."""
        return super().post(request, *args, **kwargs)


class LogoutView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @operation("signOut", "Ends a sign-in", body=LogoutSerializer, answers={200: Nothing}, problems=_REFUSED)
    def post(self, request: Request) -> Response:
        """The refresh token is worth nothing from now on."""
        serializer = LogoutSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            spend(RefreshToken(serializer.validated_data["refresh"]))
        except TokenError as error:
            raise InvalidToken(error.args[0]) from error
        return Response(Nothing())

    def get_authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'  # without one, DRF answers 403 where it is a 401


class TicketView(APIView):
    @operation("openLiveView", "Gives a ticket for the live view", body=None, answers={200: Ticket})
    def post(self, request: Request) -> Response:
        """Good once, within 30 seconds, as the first message on `/ws/orders/`; the view ends with the access token."""
        return Response(Ticket(ticket=tickets.issue(caller(request))))
