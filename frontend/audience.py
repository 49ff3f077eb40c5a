"""Whether anybody listens: each web process that has clients says so, into Redis, every second."""

from redis.exceptions import RedisError

from ecommerce.memory import key, memory

_KEPT_SECONDS = 5
_PATIENCE = 1.0


def attend() -> None:
    """Says that somebody listens here. Raises `RedisError`."""
    memory(patience=_PATIENCE).set(_key(), b"", ex=_KEPT_SECONDS)


def listens() -> bool:
    """Whether somebody said so in the last seconds; True where Redis does not answer."""
    try:
        return bool(memory(patience=_PATIENCE).exists(_key()))
    except RedisError:
        return True


def _key() -> str:
    return key("live", "audience")
