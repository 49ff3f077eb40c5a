"""The consumer of one service: from Kafka's topics into the engine, in batches, from where the database says.

Positions are written in the engine's transaction, and reading starts there: after a crash, and after a restore of an
older database, it reads again what that database has not seen. They may be a second behind the log, never ahead of it.
Offsets are also committed to Kafka, for those who look at the lag. An outage of MongoDB or Kafka pauses it; no message
is to blame for that, so none is set aside.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition
from django.db import DatabaseError
from pymongo.errors import PyMongoError

from ecommerce import kafka, killpoints, storage
from ecommerce.batch import position_writes
from ecommerce.engine import Engine
from ecommerce.inputs import Input, Position
from ecommerce.killpoints import Place
from ecommerce.leases import Lease
from ecommerce.pace import Pace, Pending
from ecommerce.reading import read

T = TypeVar("T")

log = structlog.get_logger(__name__)

MOST_INPUTS = 1000
MOST_BYTES = 4_000_000
_POLL_SECONDS = 0.5
# Seconds. What was not saved is read again after a crash and found in the log, so not every batch pays for saving.
_SAVE_EVERY = 1.0
_SHOW_EVERY = 1.0
_LONGEST_PAUSE = 5.0


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
        self._consumer: Consumer | None = None
        self._pace = Pace()

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
        except (PyMongoError, DatabaseError):
            if not self._stopping:
                raise
            log.warning("stopped while MongoDB is out of reach: what was not committed will be read again")

    def _consume(self, lease: Lease | None) -> None:
        self._consumer = kafka.consumer(self._group)
        try:
            self._consumer.subscribe(list(self._service.topics), on_assign=self._start_from_positions)
            log.info("consuming", service=self._service.name, topics=self._service.topics)
            while not self._stopping and (lease is None or self._patiently(lease.keep)):
                for batch in _batches(self._next_messages()):
                    self._take(batch)
        finally:
            with suppress(PyMongoError):  # what was not saved will be read again
                self._save(self._unsaved.due(now=True))
            self._show({}, now=True)
            self._consumer.close()
            self._consumer = None
            if lease:
                with suppress(PyMongoError):  # without MongoDB it runs out by itself
                    lease.release()

    # Reading

    def _next_messages(self) -> list[Message]:
        """Waits for a message, and takes what else is there by then, or comes while it lingers."""
        assert self._consumer is not None
        first = self._consumer.poll(_POLL_SECONDS)
        if first is None:
            return []
        messages, size = [first], len(first)
        until = time.monotonic() + self._pace.linger()
        while len(messages) < MOST_INPUTS and size < MOST_BYTES:
            left = max(0.0, until - time.monotonic())
            more = self._consumer.consume(min(100, MOST_INPUTS - len(messages)), timeout=left)
            if not more:
                break
            messages += more
            size += sum(len(message) for message in more)
        return [message for message in messages if _is_message(message)]

    def _start_from_positions(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        killpoints.reached(Place.CONSUMER_AT_ASSIGNMENT, (self._service.name,))
        self._assigning = True
        ids = [f"{each.topic}:{each.partition}" for each in partitions]
        positions = self._engine.database[storage.POSITIONS]
        try:
            self._patiently(lambda: self._save(self._unsaved.due(now=True)))
            known = self._patiently(
                lambda: {each["_id"]: int(each["offset"]) for each in positions.find({"_id": {"$in": ids}})}
            )
        finally:
            self._assigning = False
        for id, partition in zip(ids, partitions, strict=True):
            partition.offset = known.get(id, OFFSET_BEGINNING)
        consumer.assign(partitions)
        log.info("assigned", service=self._service.name, partitions=len(partitions))

    # Taking

    def _take(self, messages: Sequence[Message]) -> None:
        positions = {_position(message): (message.offset() or 0) + 1 for message in messages}
        inputs = [given for message in messages if (given := read(self._service, message)) is not None]
        due = self._unsaved.due(positions)
        if inputs:
            killpoints.reached(Place.CONSUMER_AFTER_READING, (self._service.name,))
            with self._pace.batch():
                self._patiently(lambda: self._engine.take(inputs, due))
            log.debug("batch", service=self._service.name, inputs=len(inputs), seconds=self._pace.took)
            killpoints.reached(Place.CONSUMER_AFTER_HANDLING, (self._service.name,))
        elif due:
            self._patiently(lambda: self._save(due))
        # Only now: whoever saves what is unsaved (a stop, a new assignment) must not save what was not taken.
        self._unsaved.add(positions)
        self._unsaved.drop(due)
        self._show(positions)

    def _save(self, positions: Mapping[Position, int]) -> None:
        if positions:
            self._engine.database[storage.POSITIONS].bulk_write(position_writes(positions))

    def _show(self, positions: Mapping[Position, int], *, now: bool = False) -> None:
        """Tells Kafka, for those who look at the lag."""
        assert self._consumer is not None
        self._unshown.add(positions)
        due = self._unshown.due(now=now)
        if due:
            offsets = [TopicPartition(*position, offset) for position, offset in due.items()]
            self._consumer.commit(offsets=offsets, asynchronous=True)
            self._unshown.drop(due)

    def _patiently(self, call: Callable[[], T]) -> T:
        """Calls until MongoDB answers, backing off with full jitter; keeps its place in the group meanwhile."""
        attempt = 0
        while True:
            try:
                return call()
            except (PyMongoError, DatabaseError) as error:
                pause = random.uniform(0, min(_LONGEST_PAUSE, 0.05 * 2 ** min(attempt, 10)))
                log.warning("MongoDB is out of reach, pausing", error=repr(error)[:500], seconds=round(pause, 2))
                if self._stopping:
                    raise
                self._idle(pause)
                attempt += 1

    def _idle(self, seconds: float) -> None:
        """Waits, still polling so that the group does not expel it, with every partition paused."""
        if self._consumer is None or self._assigning:
            time.sleep(seconds)
            return
        self._consumer.pause(self._consumer.assignment())
        message = self._consumer.poll(seconds)
        if message is not None and message.error() is None:
            # A pause drops what was fetched, but should one slip through it must be read again, never passed over.
            self._consumer.seek(TopicPartition(message.topic() or "", message.partition() or 0, message.offset() or 0))
        self._consumer.resume(self._consumer.assignment())


def _batches(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """The messages in batches of at most `MOST_BYTES`: what comes at once may be more than a transaction holds.

    There is one batch even when there are none: what was skipped before still has to be saved.
    """
    batch: list[Message] = []
    size = 0
    for message in messages:
        if batch and size + len(message) > MOST_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += len(message)
    yield batch


def _position(message: Message) -> Position:
    return Position(message.topic() or "", message.partition() or 0)


def _is_message(message: Message) -> bool:
    error = message.error()
    if error is None:
        return True
    if error.code() != KafkaError._PARTITION_EOF:
        log.warning("kafka", error=error.str())
    return False


__all__ = ["Input", "ServiceConsumer"]
