"""The consumer of one service: from Kafka's topics into the engine, in batches, from where the database says.

Positions are written in the engine's transaction, and reading starts there: after a crash, and after a restore of an
older database, it reads again what that database has not seen. They may be a second behind the log, never ahead of it.
It also does so while it runs, when the database has become an older one, a topic a new one, or Kafka has lost messages.
Offsets are also committed to Kafka, for those who look at the lag. An outage of MongoDB or Kafka pauses it; no message
is to blame for that, so none is set aside.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import product
from typing import TypeVar

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition
from django.db import DatabaseError
from pymongo.errors import PyMongoError

from ecommerce import kafka, killpoints, positions
from ecommerce.deafness import Deafness
from ecommerce.engine import Engine
from ecommerce.gathering import batches, gather
from ecommerce.inputs import Input, Position
from ecommerce.killpoints import Place
from ecommerce.lag import Lag
from ecommerce.leases import Lease
from ecommerce.pace import Pace, Pending
from ecommerce.positions import WentBack, position_id
from ecommerce.reading import read
from ecommerce.topicids import TopicIds
from ecommerce.topics import PARTITIONS

T = TypeVar("T")

log = structlog.get_logger(__name__)

# Seconds. What was not saved is read again after a crash and found in the log, so not every batch pays for saving.
_SAVE_EVERY = 1.0
_SHOW_EVERY = 1.0
_LONGEST_PAUSE = 5.0
_MOST_KEPT = 100  # messages, but one for each pause
_OUT_OF_REACH = (PyMongoError, DatabaseError, KafkaException)


class ServiceConsumer:
    """Runs until `stop()`, which lets the batch in hand finish."""

    def __init__(self, engine: Engine, *, group: str | None = None) -> None:
        self._engine = engine
        self._service = engine.service
        self._group = group or engine.service.name
        self._stopping = False
        self._assigning = False
        self._unsaved = Pending(_SAVE_EVERY)
        self._unshown = Pending(_SHOW_EVERY)
        self._known: dict[Position, int] = {}  # what was stored when it was last read or saved
        self._topic_ids: TopicIds | None = None
        self._consumer: Consumer | None = None
        self._kept: list[Message] = []  # what came while it waited for MongoDB
        self._pace = Pace()
        self.lag = Lag()

    def stop(self) -> None:
        self._stopping = True

    def run(self) -> None:
        """Consumes until stopped. With `single_writer`, first waits until no other process does."""
        lease = Lease(self._engine.database, "consumer") if self._service.single_writer else None
        try:
            while not self._stopping:
                if lease is None or self._patiently(lease.take):
                    self._consume(lease)
                else:
                    time.sleep(0.5)
        except _OUT_OF_REACH:
            if not self._stopping:
                raise
            log.warning("stopped in an outage: what was not committed will be read again")

    def _consume(self, lease: Lease | None) -> None:
        """Until it is stopped, loses its lease, or has to start over from what is stored."""
        self._topic_ids = TopicIds(self._service.topics)
        deafness = Deafness(self._service.topics, self._read_up_to)
        self._consumer, self._kept = kafka.consumer(self._group), []
        try:
            self._consumer.subscribe(list(self._service.topics), on_assign=self._start_from_positions)
            log.info("consuming", service=self._service.name, topics=self._service.topics)
            while not self._stopping and (lease is None or self._patiently(lease.keep)):
                messages, lost = self._next_messages()
                for batch in batches(messages):
                    with self.lag.batch(batch):
                        self._take(batch)
                for position in lost:
                    self._forget(position)
                if lost or self._topic_ids.changed():
                    break
                if messages:
                    deafness.heard()
                if deafness.is_certain(self._consumer):
                    log.warning("nothing is heard of what there is to read: joining anew", service=self._service.name)
                    break
        except WentBack:
            self._unsaved = Pending(_SAVE_EVERY)  # that was taken into the database as it was
            log.warning("the database is an older one: reading again what it has not seen", service=self._service.name)
        finally:
            self._save_the_rest()
            self._show({}, now=True)
            self._consumer.close()
            self._consumer = None
            if lease:
                with suppress(PyMongoError):  # without MongoDB it runs out by itself
                    lease.release()

    # Reading

    def _next_messages(self) -> tuple[list[Message], list[Position]]:
        """What is to be taken next, and the partitions that have nothing where they were to be read from."""
        assert self._consumer is not None
        kept, self._kept = self._kept, []
        messages = kept or gather(self._consumer, self._service.urgent, self._pace.linger)
        lost = [self._position(message) for message in messages if _code(message) == KafkaError._AUTO_OFFSET_RESET]
        return [message for message in messages if _is_message(message)], lost

    def _start_from_positions(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        killpoints.reached(Place.CONSUMER_AT_ASSIGNMENT, (self._service.name,))
        assert self._topic_ids is not None
        self._assigning = True
        self._kept = []  # it is read again, by whoever is to read it now
        try:
            self._save_the_rest()
            self._patiently(self._topic_ids.read)
            wanted = {self._position_of(each): each for each in partitions}
            self._known |= self._patiently(lambda: positions.stored(self._engine.database, wanted))
        finally:
            self._assigning = False
        for position, partition in wanted.items():
            # A topic without an id is not there now: when it comes, all of it is to be read.
            partition.offset = (self._known[position] if position.topic_id else 0) or OFFSET_BEGINNING
        consumer.assign(partitions)
        log.info("assigned", service=self._service.name, partitions=len(partitions))

    def _forget(self, position: Position) -> None:
        """Kafka has lost messages, or was restored, and may give their offsets to others: the log tells what is new."""
        log.warning("nothing is where it was read up to, it is read from its beginning", **position._asdict())
        self._patiently(lambda: positions.forget(self._engine.database, position))
        self._unsaved.forget(position)

    # Taking

    def _take(self, messages: Sequence[Message]) -> None:
        moved = {self._position(message): (message.offset() or 0) + 1 for message in messages}
        inputs = [given for message in messages if (given := read(self._service, message)) is not None]
        due = self._unsaved.due(moved)
        if inputs:
            killpoints.reached(Place.CONSUMER_AFTER_READING, (self._service.name,))
            with self._pace.batch(sum(self._is_urgent(given) for given in inputs)):
                self._patiently(lambda: self._engine.take(inputs, due, known=self._known))
            log.debug("batch", service=self._service.name, inputs=len(inputs), seconds=self._pace.took)
            killpoints.reached(Place.CONSUMER_AFTER_HANDLING, (self._service.name,))
        elif due:
            self._patiently(lambda: self._save(due))
        # Only now: whoever saves what is unsaved (a stop, a new assignment) must not save what was not taken.
        self._unsaved.add(moved)
        self._saved(due)
        self._show(moved)

    def _is_urgent(self, given: Input) -> bool:
        return given.envelope is None or given.envelope.event_type in self._service.urgent

    def _save(self, moved: Mapping[Position, int]) -> None:
        if moved:
            self._engine.take([], moved, known=self._known)

    def _saved(self, moved: Mapping[Position, int]) -> None:
        self._unsaved.drop(moved)
        self._known |= moved

    def _save_the_rest(self) -> None:
        """At an end: what cannot be saved is given up, and read again."""
        rest = self._unsaved.due(now=True)
        self._unsaved = Pending(_SAVE_EVERY)
        with suppress(PyMongoError, WentBack):
            self._save(rest)
        self._known.clear()

    def _show(self, moved: Mapping[Position, int], *, now: bool = False) -> None:
        """Tells Kafka, for those who look at the lag."""
        assert self._consumer is not None
        self._unshown.add(moved)
        due = self._unshown.due(now=now)
        if due:
            offsets = [TopicPartition(each.topic, each.partition, offset) for each, offset in due.items()]
            self._consumer.commit(offsets=offsets, asynchronous=True)
            self._unshown.drop(due)

    def _read_up_to(self) -> dict[tuple[str, int], int]:
        stored = self._patiently(lambda: positions.all_stored(self._engine.database))
        assert self._topic_ids is not None
        places = product(self._service.topics, range(PARTITIONS))
        return {each: stored.get(position_id(Position(*each, self._topic_ids.of(each[0]))), 0) for each in places}

    def _position(self, message: Message) -> Position:
        return self._position_of(TopicPartition(message.topic() or "", message.partition() or 0))

    def _position_of(self, partition: TopicPartition) -> Position:
        assert self._topic_ids is not None
        return Position(partition.topic, partition.partition, self._topic_ids.of(partition.topic))

    def _patiently(self, call: Callable[[], T]) -> T:
        """Calls until it is answered, backing off with full jitter; keeps its place in the group meanwhile."""
        attempt = 0
        while True:
            try:
                return call()
            except _OUT_OF_REACH as error:
                pause = random.uniform(0, min(_LONGEST_PAUSE, 0.05 * 2 ** min(attempt, 10)))
                who = "Kafka" if isinstance(error, KafkaException) else "MongoDB"
                log.warning(f"{who} is out of reach, pausing", error=repr(error)[:500], seconds=round(pause, 2))
                if self._stopping:
                    raise
                self._idle(pause)
                attempt += 1

    def _idle(self, seconds: float) -> None:
        """Waits, still polling so that the group does not expel it. What comes meanwhile is kept for later.

        Partitions are not paused: librdkafka may forget to resume one, or where it was to begin (see `deafness`).
        """
        until = time.monotonic() + seconds
        polls = self._consumer is not None and not self._assigning
        while True:
            left = max(0.0, until - time.monotonic())
            if polls:
                assert self._consumer is not None
                message = self._consumer.poll(left if len(self._kept) < _MOST_KEPT else 0.0)
                if message is not None:
                    self._kept.append(message)
            if not polls or len(self._kept) >= _MOST_KEPT:
                time.sleep(left)
            if time.monotonic() >= until:
                return


def _code(message: Message) -> int | None:
    error = message.error()
    return None if error is None else error.code()


def _is_message(message: Message) -> bool:
    error = message.error()
    if error is None:
        return True
    if error.code() != KafkaError._PARTITION_EOF:
        log.warning("kafka", error=error.str())
    return False


__all__ = ["Input", "ServiceConsumer"]
