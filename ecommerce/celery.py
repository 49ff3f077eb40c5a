"""The Celery application: `celery -A ecommerce.celery`."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_ready

from ecommerce import broker, garbage

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")

broker.install()
app = Celery("ecommerce")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect
def _settle(**_: Any) -> None:
    garbage.settle()
