"""The audit that runs by itself now and then, and what it last found."""

import time
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from django.conf import settings
from django.db import connections

from ecommerce import identity
from ecommerce.audit.run import Audit
from ecommerce.leases import Lease
from ecommerce.registry import engine, services

COLLECTION = "audits"  # in the platform's database
_LAST = "last"
_LONGEST_RUN = 3600.0  # seconds; after that another process may take over

log = structlog.get_logger(__name__)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit found: `violations` by name, `seconds` it took, `at` its end."""

    at: datetime
    orders: int
    in_flight: int
    violations: dict[str, int]
    seconds: float


def run() -> Result | None:
    """One audit without the topics, stored as the last one; None where another process is at it."""
    lease = Lease(_database(), "audit", seconds=_LONGEST_RUN)
    if not lease.take():
        return None
    try:
        result = _audit()
        document = msgspec.to_builtins(result, builtin_types=(datetime,))
        _database()[COLLECTION].replace_one({"_id": _LAST}, document, upsert=True)
    finally:
        lease.release()
    return result


def last() -> Result | None:
    """What the last one found. Raises `PyMongoError`."""
    found = _database()[COLLECTION].find_one({"_id": _LAST}, {"_id": 0})
    return msgspec.convert(found, Result) if found else None


def _audit() -> Result:
    started = time.monotonic()
    engines = {service.name: engine(service.name) for service in services()}
    patience = settings.ORDER_DEADLINE + timedelta(seconds=60)
    report = Audit(engines, patience=patience, gateway_url=settings.GATEWAY_URL, topics=False).run()
    names: dict[str, int] = {}
    for violation in report.violations:
        names[violation.name] = names.get(violation.name, 0) + 1
        log.error("audit_violation", violation=str(violation), correlation_id=violation.key)
    return Result(
        at=identity.now(),
        orders=report.orders,
        in_flight=report.in_flight,
        violations=names,
        seconds=round(time.monotonic() - started, 3),
    )


def _database() -> Any:
    connections["default"].ensure_connection()
    return connections["default"].database
