"""Which database an app's models live in: a service's in its own, everything else on the platform."""

from typing import Any

from django.conf import settings
from django.db.models import Model


class OwnDatabase:
    """A service's models use the database of its name; no relation crosses databases."""

    def db_for_read(self, model: type[Model], **_: Any) -> str:
        return alias_of(model._meta.app_label)

    db_for_write = db_for_read

    def allow_relation(self, left: Model, right: Model, **_: Any) -> bool:
        return alias_of(left._meta.app_label) == alias_of(right._meta.app_label)

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool:
        return db == alias_of(app_label)


def alias_of(app_label: str) -> str:
    """The database alias of an app."""
    return app_label if app_label in settings.DATABASES else "default"
