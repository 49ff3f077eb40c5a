"""manage.py migrate_all"""

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections
from pymongo.errors import PyMongoError

from ecommerce.management.command import ProjectCommand
from ecommerce.platform import roles


class Command(ProjectCommand):
    help = "Migrates every database of this process, and makes the roles. Run again, it changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--wait", type=float, default=30, help="seconds to wait for MongoDB's primary")

    def handle(self, *, wait: float, verbosity: int, **_: Any) -> None:
        self._wait_for_primary(time.monotonic() + wait)
        for alias in settings.DATABASES:
            self.stdout.write(f"migrating {connections[alias].settings_dict['NAME']}")
            call_command("migrate", database=alias, interactive=False, verbosity=max(0, verbosity - 1))
        roles.establish()

    def _wait_for_primary(self, deadline: float) -> None:
        connection = connections["default"]
        while True:
            try:
                connection.ensure_connection()
                if connection.connection.admin.command("hello").get("isWritablePrimary"):
                    return
                problem = "it has no primary: is it a replica set? (rs.initiate)"
            except PyMongoError as error:
                problem = str(error)[:300]
            if time.monotonic() >= deadline:
                raise CommandError(f"MongoDB at MONGO_URI is not ready: {problem}")
            time.sleep(0.2)
