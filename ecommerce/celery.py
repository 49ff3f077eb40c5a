"""The Celery application: `celery -A ecommerce.celery`."""

import os
from typing import Any

from celery import Celery, Task
from celery.signals import beat_init, setup_logging, worker_init, worker_ready

from ecommerce import broker, garbage

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")  # as the commands do: see ecommerce/management/command.py

broker.install()


class ToldTask(Task):
    """A task that leaves a line, a count and a span for each of its orders."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from ecommerce import told  # it needs the settings, which the application has not read yet

        with told.task(self.name, self.request, args):
            return super().__call__(*args, **kwargs)


app = Celery("ecommerce", task_cls=ToldTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _leave_logging_alone(**_: Any) -> None:
    """Whoever takes this signal keeps Celery from setting the level of all loggers to its own."""


@worker_ready.connect
def _settle(sender: Any, **_: Any) -> None:
    _tell_of(*sender.app.amqp.queues.consume_from)
    garbage.settle()


@beat_init.connect
def _tell_of_beat(**_: Any) -> None:
    _tell_of("beat")


def _tell_of(*names: str) -> None:
    """Lets others see that this process lives, in the database of the service of its queue, else of the first."""
    from ecommerce.heartbeats import Heartbeat, pulse
    from ecommerce.registry import services

    served = [service.name for service in services()]
    for name in names:
        home = name if name in served else served[0]
        pulse().add(Heartbeat(service=home, kind="celery", subject=name, values=dict))


@worker_init.connect
@beat_init.connect
def _serve_metrics(**_: Any) -> None:
    from ecommerce import ownmetrics

    ownmetrics.serve()
