"""Celery tasks that every service shares."""

import time

import structlog
from celery import shared_task
from celery.worker import state as worker
from pymongo.errors import PyMongoError

from ecommerce.audit import scheduled
from ecommerce.registry import engine, services
from ecommerce.relay import DeliveryFailed, Shift

log = structlog.get_logger(__name__)

# A shift ends by itself so that no process holds its sockets and memory for ever; the next starts within a second.
SHIFT_SECONDS = 600.0


# Not acks_late: a shift that was cut off is replaced by beat's next one, not by a redelivery.
@shared_task(name="ecommerce.relay.shift", acks_late=False, ignore_result=True)
def relay_shift() -> int:
    """One shift of the relay over the outboxes of all services of this process. Gives the messages produced."""
    end = time.monotonic() + SHIFT_SECONDS
    databases = [engine(service.name).database for service in services()]
    shift = Shift(databases, stop=lambda: time.monotonic() >= end or is_stopping())
    try:
        return shift.run()
    except (DeliveryFailed, PyMongoError) as error:
        log.warning("the relay's shift broke off, the next one scans again", error=repr(error)[:500])
        return 0


@shared_task(name="ecommerce.audit", acks_late=False, ignore_result=True)
def audit() -> None:
    """Proves the promises now and then; the metrics tell what it found."""
    result = scheduled.run()
    if result is not None:
        log.info("audit", orders=result.orders, violations=sum(result.violations.values()), seconds=result.seconds)


def is_stopping() -> bool:
    """Whether this Celery worker was told to stop."""
    # By identity: what SIGTERM sets is the exit status 0, which equals False.
    return worker.should_stop is not None and worker.should_stop is not False
