"""manage.py relay <service>"""

import signal
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from pymongo.errors import PyMongoError

from ecommerce import garbage, ownmetrics
from ecommerce.management.command import ProjectCommand
from ecommerce.registry import engine
from ecommerce.relay import DeliveryFailed, Shift


class Command(ProjectCommand):
    help = "Relays a service's outbox to Kafka until SIGTERM, without Celery: for emergencies and small set-ups."
    _stopping = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("service", help="orders, inventory, payments or shipping")

    def handle(self, *, service: str, **_: Any) -> None:
        try:
            database = engine(service).database
        except LookupError as error:
            raise CommandError(str(error)) from error
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self._stop)
        garbage.settle()
        ownmetrics.serve()
        self.stdout.write(f"relaying the outbox of {service}")
        while not self._stopping:
            try:
                produced = Shift([database], stop=lambda: self._stopping).run()
                self.stdout.write(f"{produced} messages relayed; another relay holds the lease if this repeats")
            except (DeliveryFailed, PyMongoError) as error:
                self.stderr.write(f"the shift broke off and starts over: {error}")
            if not self._stopping:
                time.sleep(1)

    def _stop(self, *_: object) -> None:
        self._stopping = True
