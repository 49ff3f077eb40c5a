"""manage.py consume <service>"""

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from ecommerce import garbage, ownmetrics
from ecommerce.consumer import ServiceConsumer
from ecommerce.heartbeats import Heartbeat, told
from ecommerce.management.command import ProjectCommand
from ecommerce.registry import engine


class Command(ProjectCommand):
    help = "Takes the events of Kafka into a service until SIGTERM, which lets the batch in hand finish."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("service", help="orders, inventory, payments or shipping")

    def handle(self, *, service: str, **_: Any) -> None:
        try:
            consumer = ServiceConsumer(engine(service))
        except LookupError as error:
            raise CommandError(str(error)) from error
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: consumer.stop())
        garbage.settle()
        ownmetrics.serve()
        beat = Heartbeat(service=service, kind="consumer", subject=service, values=consumer.lag.describe)
        with told(beat):
            consumer.run()
