"""How the whole of it does, put together from what is known elsewhere."""

from ecommerce import identity, sources
from ecommerce.audit.scheduled import Result
from ecommerce.registry import services
from ecommerce.sources import Ends, Source, Stored
from frontend import figures
from frontend.figures import Figures
from frontend.shapes import (
    Pipeline,
    PipelineAudit,
    PipelineBreaker,
    PipelineLatency,
    PipelineOrders,
    PipelineRelay,
    PipelineService,
    PipelineSources,
)

_FIGURES = Source("projection", figures.read)


def pipeline() -> Pipeline:
    """The state of now, or of a second ago. Waits a moment for what does not answer, and leaves it out."""
    for source in (sources.ENDS, sources.AUDIT, _FIGURES):
        source.start()  # side by side with the first
    stored, ends = sources.DATABASES.get() or {}, sources.ENDS.get()
    counted, audit = _FIGURES.get(), sources.AUDIT.get()
    return Pipeline(
        at=identity.now(),
        services=[_service(each.name, each.topics, stored.get(each.name), ends, counted) for each in services()],
        breakers=[
            PipelineBreaker(service=service, party=party, state=state)
            for service, told in stored.items()
            for party, state in sorted(told.breakers.items())
        ],
        relays=[PipelineRelay(service=service, held=told.relay_held) for service, told in stored.items()],
        orders=PipelineOrders(
            placed_per_second=counted.placed if counted else None,
            completed_per_second=counted.completed if counted else None,
            cancelled_per_second=counted.cancelled if counted else None,
            in_flight=counted.in_flight if counted else None,
        ),
        latency=PipelineLatency(
            p50=counted.p50 if counted else None,
            p95=counted.p95 if counted else None,
            p99=counted.p99 if counted else None,
            count=counted.count if counted else 0,
        ),
        audit=_audit(audit),
        sources=PipelineSources(mongo=bool(stored), kafka=ends is not None, projection=counted is not None),
    )


def _service(
    name: str, topics: tuple[str, ...], told: Stored | None, ends: Ends | None, counted: Figures | None
) -> PipelineService:
    published = counted.published.get(name, 0.0) if counted else None
    if told is None:
        return PipelineService(
            name=name,
            consumers=None,
            lag_messages=None,
            lag_seconds=None,
            outbox_depth=None,
            outbox_seconds=None,
            dead_letters=None,
            pending=None,
            published_per_second=published,
        )
    return PipelineService(
        name=name,
        consumers=len(told.waits),
        lag_messages=sources.lag_messages(topics, told, ends) if ends is not None else None,
        lag_seconds=round(max(told.waits), 3) if told.waits else None,
        outbox_depth=told.outbox_depth,
        outbox_seconds=told.outbox_seconds(identity.now()),
        dead_letters=told.dead_letters,
        pending=told.pending,
        published_per_second=published,
    )


def _audit(last: Result | None) -> PipelineAudit | None:
    if last is None:
        return None
    return PipelineAudit(
        at=last.at,
        violations=sum(last.violations.values()),
        orders=last.orders,
        seconds=last.seconds,
        whole=last.whole,
    )
