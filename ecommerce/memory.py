"""Redis, for what may be forgotten: counts, tickets, figures of the moment."""

from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry


@cache
def memory(*, patience: float) -> redis.Redis:
    """A client whose calls raise `RedisError` after `patience` seconds, and are not repeated."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=patience, socket_connect_timeout=patience, retry=Retry(NoBackoff(), 0)
    )


def key(*parts: str) -> str:
    """A key of this installation's own: several may share one Redis."""
    return settings.ENV.DATABASE_PREFIX + ":".join(parts)
