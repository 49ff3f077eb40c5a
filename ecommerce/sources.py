"""What a web process knows of the others when it is asked: read in the databases of its services, and from Kafka.

Each source is read in the background, one reading at a time; who asks waits `_PATIENCE` seconds for it at most, and
those who ask within `_FRESH` seconds share one.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Generic, TypeVar

import structlog
from confluent_kafka import TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from django.conf import settings

from ecommerce import heartbeats, identity, kafka, leases, outbox, positions
from ecommerce.audit import scheduled
from ecommerce.deadletters import letters
from ecommerce.inputs import Position
from ecommerce.outside import STATES
from ecommerce.registry import engine, services
from ecommerce.relay import LEASE
from ecommerce.service import Service
from ecommerce.storage import Document

STUCK_AFTER = timedelta(minutes=2)
_MOST_STUCK = 10_000  # are counted
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
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"source-{name}")
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
            log.info("what is read elsewhere cannot be read", source=self._name, error=repr(error)[:500])
            return None


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What a service's database says."""

    beats: list[Document]
    positions: Mapping[str, int]  # the next offset by `positions.position_id`
    pending: int | None  # None where the service asks nobody
    outbox_depth: int  # commits
    outbox_since: datetime | None  # None where it is empty
    dead_letters: int  # open ones
    relay_held: bool
    stuck: int | None  # what should have ended by its deadline, `STUCK_AFTER` ago; None where nothing has one

    def outbox_seconds(self, now: datetime) -> float:
        """How long the first commit in the outbox has waited; 0 where it is empty, or its stamp ahead of this clock."""
        return max(0.0, (now - self.outbox_since).total_seconds()) if self.outbox_since else 0.0

    @property
    def breakers(self) -> dict[str, str]:
        """The state of each outside party's circuit breaker: the worst of all processes that live."""
        worst: dict[str, int] = {}
        for beat in self.beats:
            if beat["kind"] == "breaker":
                rank = STATES.index(beat["values"]["state"])
                worst[beat["subject"]] = max(rank, worst.get(beat["subject"], 0))
        return {party: STATES[rank] for party, rank in worst.items()}

    @property
    def workers(self) -> set[str]:
        """The queues whose tasks a Celery worker takes, and "beat" where that lives; of those that tell it here."""
        return {beat["subject"] for beat in self.beats if beat["kind"] == "celery"}

    @property
    def is_shown(self) -> bool:
        """Whether a projection tells dashboards of changes; where that is told."""
        return any(beat["kind"] == "live" for beat in self.beats)

    @property
    def waits(self) -> list[float]:
        """Seconds that messages waited lately, as each consumer that lives says."""
        return [beat["values"]["lag_seconds"] for beat in self.beats if beat["kind"] == "consumer"]


Ends = Mapping[Position, tuple[int, int]]  # the first and the next offset of each partition that the services read


def lag_messages(topics: Iterable[str], told: Stored, ends: Ends) -> int:
    """Messages on these topics behind the saved positions, which may be a second old."""
    return sum(
        max(0, end - max(first, told.positions.get(positions.position_id(position), 0)))
        for position, (first, end) in ends.items()
        if position.topic in topics
    )


def stored() -> dict[str, Stored]:
    """What each service's database says. Raises `PyMongoError`."""
    return {service.name: _stored_by(service) for service in services()}


def _stored_by(service: Service) -> Stored:
    database = engine(service.name).database
    asked = service.aggregates[0].collection
    oldest = outbox.oldest(database)
    return Stored(
        beats=heartbeats.living(database),
        positions=positions.all_stored(database),
        # By an index that holds only those.
        pending=database[asked].count_documents({"pending": {"$gt": ""}}) if service.asks else None,
        outbox_depth=outbox.depth(database),
        outbox_since=outbox.written_at({"_id": oldest}) if oldest else None,
        dead_letters=database[letters.COLLECTION].count_documents({"status": {"$in": list(letters.OPEN)}}),
        relay_held=leases.is_held(database, LEASE),
        stuck=database[asked].count_documents(_stuck(service), limit=_MOST_STUCK) if service.unfinished else None,
    )


def stuck(service: Service, *, most: int) -> list[str]:
    """The first of those that are counted as stuck. Raises `PyMongoError`."""
    found = engine(service.name).database[service.aggregates[0].collection].find(_stuck(service), {"_id": 1})
    return [document["_id"] for document in found.limit(most)]


def _stuck(service: Service) -> Document:
    since = identity.now() - settings.ORDER_DEADLINE - STUCK_AFTER
    return {"status": {"$in": list(service.unfinished)}, "created_at": {"$lt": since}}


def ends() -> Ends:
    """Where the topics begin and end. Raises `KafkaException`."""
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


# This process's: whatever shows them shares their readings.
DATABASES = Source("mongo", stored)
ENDS = Source("kafka", ends)
AUDIT = Source("audit", scheduled.last)
