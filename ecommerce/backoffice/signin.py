"""The form to sign in with."""

from typing import Any

from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm

from ecommerce.http.problems import SignInLocked


class SignInForm(AuthenticationForm):  # type: ignore[misc]
    """Says that it is locked where the API answers with a 429."""

    def clean(self) -> Any:
        try:
            return super().clean()
        except SignInLocked as locked:
            raise ValidationError(str(locked.detail)) from locked
