"""How much one sender may ask for: counted in Redis, so that all web processes together allow what one would.

Each rate counts in windows that begin with a first request. Without Redis nothing is counted and all is let through: an
order is worth more than a limit.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import structlog
from django.conf import settings
from redis.exceptions import RedisError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from ecommerce.environment import Rate
from ecommerce.http.addresses import address_of
from ecommerce.memory import key, memory

if TYPE_CHECKING:  # the module of views imports this one
    from rest_framework.views import APIView

log = structlog.get_logger(__name__)

_PATIENCE = 0.25  # seconds that a request waits for Redis
_PAUSE = 2.0  # seconds after a failure during which no request waits for it
_blind_until = 0.0


class Throttle(BaseThrottle):
    """By address, by user, and by the view's `throttle_scope` what changes something. Rates: `settings.THROTTLE_RATES`.

    A scope is counted by user, or by address where nobody is signed in.
    """

    def __init__(self) -> None:
        self._seconds: float | None = None

    def allow_request(self, request: Request, view: "APIView") -> bool:
        self._seconds = _seconds_to_wait([*_buckets(request, view)])
        return self._seconds is None

    def wait(self) -> float | None:
        return self._seconds


class _Bucket(NamedTuple):
    key: str
    rate: Rate


def _buckets(request: Request, view: "APIView") -> Iterator[_Bucket]:
    address = f"address:{address_of(request)}"
    user = f"user:{request.user.pk}" if request.user else ""
    scope = getattr(view, "throttle_scope", None) if request.method not in SAFE_METHODS else None
    for name, who in (("address", address), ("user", user), (scope, user or address)):
        if name and who and (rate := settings.THROTTLE_RATES.get(name)):
            yield _Bucket(key("throttle", name, who), rate)


def _seconds_to_wait(buckets: list[_Bucket]) -> float | None:
    global _blind_until
    if not buckets or time.monotonic() < _blind_until:
        return None
    with memory(patience=_PATIENCE).pipeline() as pipe:
        for bucket in buckets:
            # Expiry after the count and only where there is none: no crash between them leaves a count for ever.
            pipe.incr(bucket.key).expire(bucket.key, bucket.rate.seconds, nx=True).ttl(bucket.key)
        try:
            answers = pipe.execute()
        except RedisError as error:
            _blind_until = time.monotonic() + _PAUSE
            log.warning("requests are not counted: Redis is out of reach", error=repr(error)[:200])
            return None
    counts, left = answers[::3], answers[2::3]
    over = [float(ttl) for bucket, count, ttl in zip(buckets, counts, left, strict=True) if count > bucket.rate.most]
    return max(1.0, *over) if over else None
