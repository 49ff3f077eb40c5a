"""What the dashboard is told."""

from typing import Annotated

from ecommerce.http.rendering import encoded
from ecommerce.http.shapes import ServiceName, Shape, Time, one_of
from ecommerce.outside import STATES
from frontend.layer import Update
from orders import models, serializers


class LiveOrder(serializers.Order):
    """An order as the API shows it, with a `version` that grows with each change."""

    version: int


def update_of(order: models.Order) -> Update:
    """An order as clients of the live view get it."""
    shown = serializers.represent(order)
    live = LiveOrder(**{name: getattr(shown, name) for name in shown.__struct_fields__}, version=order.version)
    return Update(order.customer_id, order.order_id, order.version, encoded(live))


class PipelineService(Shape):
    """A service. What is null is not known now; `pending` also where it asks no outside party."""

    name: ServiceName
    consumers: int | None
    lag_messages: int | None
    lag_seconds: float | None
    outbox_depth: int | None
    outbox_seconds: float | None
    dead_letters: int | None
    pending: int | None
    published_per_second: float | None


class PipelineBreaker(Shape):
    """The circuit breaker of an outside party: the worst of all processes."""

    service: ServiceName
    party: str
    state: Annotated[str, one_of(STATES)]


class PipelineRelay(Shape):
    """Whether a relay holds the lease on this service's outbox."""

    service: ServiceName
    held: bool


class PipelineOrders(Shape):
    """Orders a second over the last 10 seconds, and those under way. Null where the projection does not run."""

    placed_per_second: float | None
    completed_per_second: float | None
    cancelled_per_second: float | None
    in_flight: int | None


class PipelineLatency(Shape):
    """Seconds from placed to COMPLETED, of the `count` orders that were completed in the last minute."""

    p50: float | None
    p95: float | None
    p99: float | None
    count: int


class PipelineAudit(Shape):
    """The last scheduled audit; `whole` if it read all orders."""

    at: Time
    violations: int
    orders: int
    seconds: float
    whole: bool


class PipelineSources(Shape):
    """Whether what the rest is read from answered."""

    mongo: bool
    kafka: bool
    projection: bool


class Pipeline(Shape):
    """How the whole of it does."""

    at: Time
    services: list[PipelineService]
    breakers: list[PipelineBreaker]
    relays: list[PipelineRelay]
    orders: PipelineOrders
    latency: PipelineLatency
    audit: PipelineAudit | None
    sources: PipelineSources
