"""The services that this process serves: those whose Django apps are installed."""

from functools import cache

from django.apps import apps

from ecommerce.engine import Engine
from ecommerce.service import Service


def services() -> list[Service]:
    """The services of this process, in the order of INSTALLED_APPS."""
    return [
        config.service for config in apps.get_app_configs() if isinstance(getattr(config, "service", None), Service)
    ]


@cache
def engine(name: str) -> Engine:
    """The engine of the service `name`. Raises `LookupError`, naming those that are served, for another."""
    for service in services():
        if service.name == name:
            return Engine(service)
    served = ", ".join(service.name for service in services())
    raise LookupError(f"this process does not serve {name!r}, only: {served} (set SERVICE={name} or SERVICE=all)")
