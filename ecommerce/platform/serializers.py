"""The shapes of the authentication requests."""

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError as PasswordRefused
from rest_framework import serializers

from ecommerce.http.parsing import StrictSerializer, Text
from ecommerce.platform.models import User


class RegisterSerializer(StrictSerializer):
    username = serializers.RegexField(r"^[a-zA-Z0-9_.@+-]{3,150}$")
    password = Text(max_length=128, trim_whitespace=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            validate_password(attrs["password"], User(username=attrs["username"]))
        except PasswordRefused as error:
            raise serializers.ValidationError({"password": error.messages}) from error
        return attrs


class LogoutSerializer(StrictSerializer):
    refresh = Text(max_length=4000)
