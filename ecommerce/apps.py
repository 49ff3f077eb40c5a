"""The app that holds the shared commands and tasks."""

from django.apps import AppConfig


class EcommerceConfig(AppConfig):
    name = "ecommerce"

    def ready(self) -> None:
        from ecommerce.celery import app  # the settings are ready only now

        app.set_default()
