"""What the projection counts, kept in Redis for whoever shows it."""

import msgspec

from ecommerce import typed
from ecommerce.memory import key, memory

_KEPT_SECONDS = 5  # older ones are of a projection that does not run
_PATIENCE = 1.0


class Figures(msgspec.Struct, kw_only=True):
    """By the second over the last 10 s; percentiles (None without orders) of the last 60 s."""

    placed: float
    completed: float
    cancelled: float
    in_flight: int
    published: dict[str, float]  # by service
    p50: float | None
    p95: float | None
    p99: float | None
    count: int


def keep(figures: Figures) -> None:
    """Puts them where `read` finds them, for a moment. Raises `RedisError`."""
    memory(patience=_PATIENCE).set(_key(), msgspec.json.encode(figures), ex=_KEPT_SECONDS)


def read() -> Figures | None:
    """The latest; None where no projection runs. Raises `RedisError`."""
    found = memory(patience=_PATIENCE).get(_key())
    return typed.decode(found, Figures) if found else None  # type: ignore[arg-type]


def _key() -> str:
    return key("live", "figures")
