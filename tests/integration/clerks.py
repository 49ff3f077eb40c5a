"""Members of the back office, each with the rights that a test gives them."""

from typing import Any

from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from ecommerce.platform.models import User
from tests.integration.people import PASSWORD


def clerk(name: str, *rights: str, **fields: Any) -> Client:
    """A browser in which a new clerk with `rights` ("orders.view_order") is signed in."""
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True, **fields)
    for right in rights:
        app, _, codename = right.partition(".")
        user.user_permissions.add(Permission.objects.get(codename=codename, content_type__app_label=app))
    client = Client()
    assert client.login(username=name, password=PASSWORD)
    return client


def page(model: type[Model], name: str, *args: str) -> str:
    """The URL of a page of a model."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=[quote(arg) for arg in args])


def text(client: Client, url: str, query: dict[str, str] | None = None) -> str:
    """What a page shows; fails if it does not open."""
    answer = client.get(url, query or {})
    assert answer.status_code == 200, (url, answer.status_code)
    return str(answer.content.decode())
