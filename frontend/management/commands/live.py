"""manage.py live"""

import signal
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from ecommerce import garbage, ownmetrics
from ecommerce.heartbeats import Heartbeat, told
from ecommerce.management.command import ProjectCommand


class Command(ProjectCommand):
    help = "Tells the web processes of every change of an order, until SIGTERM. One at a time does; another waits."

    def handle(self, **_: Any) -> None:
        if "orders" not in settings.SERVED:
            raise CommandError("it reads orders: set SERVICE=all")
        # What it reads with is installed where orders is.
        projection = import_module("frontend.projection").Projection()
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: projection.stop())
        garbage.settle()
        ownmetrics.serve()
        with told(Heartbeat(service="orders", kind="live", subject="live", values=dict)):
            projection.run()
