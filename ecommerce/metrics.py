"""Metrics that a web process reads elsewhere when it is asked: in the databases of its services, and from Kafka.

Each source is read in the background, one reading at a time; a scrape waits `_PATIENCE` seconds for it at most, and
scrapes within `_FRESH` seconds share one. What a source does not give in time is left out: see `pipeline_source_up`.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

import structlog
from confluent_kafka import TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from prometheus_client.core import GaugeMetricFamily, Metric

from ecommerce import heartbeats, kafka, positions
from ecommerce.audit import scheduled
from ecommerce.inputs import Position
from ecommerce.lag import WINDOW
from ecommerce.outside import STATES
from ecommerce.registry import engine, services
from ecommerce.service import Service
from ecommerce.storage import Document

_PATIENCE = 1.0
_FRESH = 1.0
_KAFKA_SECONDS = 5.0

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Source(Generic[T]):
    """Something that is read elsewhere."""

    def __init__(self, name: str, read: Callable[[], T]) -> None:
        self._name = name
        self._read = read
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"metrics-{name}")
        self._lock = threading.Lock()
        self._reading: Future[T] | None = None
        self._started = 0.0

    def start(self) -> Future[T]:
        """The reading that is under way or fresh, or a new one."""
        with self._lock:
            running = self._reading is not None and not self._reading.done()
            if self._reading is None or not (running or time.monotonic() - self._started < _FRESH):
                self._started = time.monotonic()
                self._reading = self._thread.submit(self._read)
            return self._reading

    def get(self) -> T | None:
        """What it says now; None if it fails or takes too long."""
        try:
            return self.start().result(timeout=_PATIENCE)
        except TooLate:
            return None
        except Exception as error:
            log.info("a source of metrics fails", source=self._name, error=repr(error)[:500])
            return None


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What a service's database says."""

    beats: list[Document]
    positions: Mapping[str, int]  # the next offset by `positions.position_id`
    pending: int | None  # None where the service asks nobody


class PipelineMetrics:
    """A collector of prometheus_client over the services of this process."""

    def __init__(self) -> None:
        self._databases = Source("mongo", _stored)
        self._ends = Source("kafka", _ends)
        self._audit = Source("audit", scheduled.last)

    def describe(self) -> list[Metric]:
        """None in advance: to be registered, nothing is read."""
        return []

    def collect(self) -> Iterator[Metric]:
        self._ends.start()  # side by side with the first
        self._audit.start()
        stored, ends = self._databases.get(), self._ends.get()
        up = _gauge("pipeline_source_up", "Whether what these metrics are read from answered.", "source")
        up.add_metric(["mongo"], float(stored is not None))
        up.add_metric(["kafka"], float(ends is not None))
        yield up
        if stored is not None:
            yield _breakers(stored)
            yield _lag_seconds(stored)
            yield _pending(stored)
            if ends is not None:
                yield _lag_messages(stored, ends)
        last = self._audit.get()
        if last is not None:
            yield from _last_audit(last)


def _breakers(stored: Mapping[str, Stored]) -> Metric:
    text = "1 for the state that the circuit breaker of an outside party is in: the worst of all processes that live."
    family = _gauge("circuit_breaker_state", text, "service", "party", "state")
    for service, told in stored.items():
        worst: dict[str, int] = {}
        for beat in told.beats:
            if beat["kind"] == "breaker":
                rank = STATES.index(beat["values"]["state"])
                worst[beat["subject"]] = max(rank, worst.get(beat["subject"], 0))
        for party, rank in worst.items():
            for state in STATES:
                family.add_metric([service, party, state], float(STATES.index(state) == rank))
    return family


def _lag_seconds(stored: Mapping[str, Stored]) -> Metric:
    text = f"The longest that a message waited for the service's consumers, by these, in the last {WINDOW:.0f} s."
    family = _gauge("consumer_lag_seconds", text, "service")
    for service, told in stored.items():
        waits = [beat["values"]["lag_seconds"] for beat in told.beats if beat["kind"] == "consumer"]
        if waits:
            family.add_metric([service], max(waits))
    return family


def _lag_messages(stored: Mapping[str, Stored], ends: Mapping[Position, tuple[int, int]]) -> Metric:
    text = "Messages on the service's topics behind its saved positions, which may be a second old."
    family = _gauge("consumer_lag_messages", text, "service")
    for service in services():
        saved = stored[service.name].positions
        left = (
            max(0, end - max(first, saved.get(positions.position_id(position), 0)))
            for position, (first, end) in ends.items()
            if position.topic in service.topics
        )
        family.add_metric([service.name], sum(left))
    return family


def _pending(stored: Mapping[str, Stored]) -> Metric:
    family = _gauge("pending_questions", "Orders for which an outside party still owes an answer.", "service")
    for service, told in stored.items():
        if told.pending is not None:
            family.add_metric([service], told.pending)
    return family


def _last_audit(last: scheduled.Result) -> Iterator[Metric]:
    for name, text, value in (
        ("audit_last_run_timestamp_seconds", "When the last scheduled audit ended.", last.at.timestamp()),
        ("audit_last_duration_seconds", "How long the last scheduled audit took.", last.seconds),
        ("audit_last_was_whole", "1 if it read all orders, 0 if those that had changed.", int(last.whole)),
        ("audit_last_orders", "Orders that the last scheduled audit read.", last.orders),
        ("audit_last_violations", "Violations that the last scheduled audit found.", sum(last.violations.values())),
    ):
        family = _gauge(name, text)
        family.add_metric([], value)
        yield family


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=labels)


# The sources


def _stored() -> dict[str, Stored]:
    return {service.name: _stored_by(service) for service in services()}


def _stored_by(service: Service) -> Stored:
    database = engine(service.name).database
    asked = service.aggregates[0].collection
    return Stored(
        beats=heartbeats.living(database),
        positions=positions.all_stored(database),
        # By an index that holds only those.
        pending=database[asked].count_documents({"pending": {"$gt": ""}}) if service.asks else None,
    )


def _ends() -> dict[Position, tuple[int, int]]:
    """The first and the next offset of each partition that the services read."""
    topics = sorted({topic for service in services() for topic in service.topics})
    described = _admin().describe_topics(TopicCollection(topics), request_timeout=_KAFKA_SECONDS)
    places = {
        Position(topic, partition.id, str(description.topic_id)): TopicPartition(topic, partition.id)
        for topic, future in described.items()
        for description in [future.result()]
        for partition in description.partitions
    }
    # confluent_kafka has types for some of it.
    first = _offsets(places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
    end = _offsets(places, OffsetSpec.latest())  # type: ignore[no-untyped-call]
    return {position: (first[position], end[position]) for position in places}


def _offsets(places: Mapping[Position, TopicPartition], spec: OffsetSpec) -> dict[Position, int]:
    asked = _admin().list_offsets(dict.fromkeys(places.values(), spec), request_timeout=_KAFKA_SECONDS)
    return {position: asked[place].result().offset for position, place in places.items()}


@cache
def _admin() -> AdminClient:
    return kafka.admin()
