"""The audit that runs by itself now and then: of all orders once a day, of what has changed since in between."""

import time
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from bson.codec_options import CodecOptions
from django.conf import settings
from django.db import connections

from ecommerce import identity, typed
from ecommerce.audit.run import Audit, Report
from ecommerce.audit.snapshot import MARGIN, Snapshot
from ecommerce.leases import Lease
from ecommerce.registry import engine, services

COLLECTION = "audits"  # in the platform's database
_LAST, _SNAPSHOT = "last", "snapshot"
_WHOLE_EVERY = timedelta(days=1)
_MOST_OPEN = 100_000  # open orders in a snapshot, which is one document
_LONGEST_RUN = 3600.0  # seconds; after that another process may take over

log = structlog.get_logger(__name__)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit found: `violations` by name, `seconds` it took, `at` its end; `whole` if it read all orders."""

    at: datetime
    whole: bool
    orders: int
    in_flight: int
    violations: dict[str, int]
    seconds: float


def run() -> Result | None:
    """One audit, stored as the last one; None where another process is at it."""
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
    return typed.convert(found, Result) if found else None


def snapshot() -> Snapshot | None:
    """What the audits so far have found settled and right. Raises `PyMongoError`."""
    found = _database()[COLLECTION].find_one({"_id": _SNAPSHOT}, {"_id": 0})
    return typed.convert(found, Snapshot) if found else None


def _audit() -> Result:
    started, began = time.monotonic(), identity.now()
    engines = {service.name: engine(service.name) for service in services()}
    patience = settings.ORDER_DEADLINE + timedelta(seconds=60)
    before = snapshot()
    if before and began - before.whole_at < _WHOLE_EVERY:
        whole_at = before.whole_at
        audit = Audit(engines, patience=patience, gateway_url=settings.GATEWAY_URL, topics=True)
        report = audit.run_since(before.since, oldest=before.oldest, also=before.open)
    else:
        # Without the topics: all of their messages at once would need much memory.
        whole_at = began
        report = Audit(engines, patience=patience, gateway_url=settings.GATEWAY_URL, topics=False).run()
    _keep(report, began=began, whole_at=whole_at)
    names: dict[str, int] = {}
    for violation in report.violations:
        names[violation.name] = names.get(violation.name, 0) + 1
        log.error("audit_violation", violation=str(violation), correlation_id=violation.key)
    return Result(
        at=identity.now(),
        whole=whole_at == began,
        orders=report.orders,
        in_flight=report.in_flight,
        violations=names,
        seconds=round(time.monotonic() - started, 3),
    )


def _keep(report: Report, *, began: datetime, whole_at: datetime) -> None:
    if len(report.open) > _MOST_OPEN:
        log.warning("too many orders are open for a snapshot of the audit", open=len(report.open))
        return  # the next one starts from where this one did
    since = began - MARGIN
    oldest = min(report.open.values(), default=since)
    kept = Snapshot(since=since, oldest=min(oldest, since), open=sorted(report.open), whole_at=whole_at)
    document = msgspec.to_builtins(kept, builtin_types=(datetime,))
    _database()[COLLECTION].replace_one({"_id": _SNAPSHOT}, document, upsert=True)


def _database() -> Any:
    connections["default"].ensure_connection()
    return connections["default"].database.with_options(CodecOptions(tz_aware=True))
