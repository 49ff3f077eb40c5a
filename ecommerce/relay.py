"""The relay: takes outbox documents to Kafka, milliseconds after their commit, each aggregate's events in order.

A shift opens a change stream first, then scans what already lies in the outbox, then follows the stream and skips
what it has produced; while much comes it looks into the outbox instead (`following`). A document is deleted only when
the broker has acknowledged all of its messages, so a crash anywhere repeats messages and never loses one: the
receivers' logs drop the repeats.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from pymongo.database import Database
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from ecommerce import following, kafka, killpoints, outbox, witness
from ecommerce.killpoints import Place
from ecommerce.leases import Lease
from ecommerce.storage import Document

LEASE = "relay"  # its name, in the database of each service
log = structlog.get_logger(__name__)

_DELETE_AT_ONCE = 500
_DELETE_EVERY = 0.1  # seconds
_LOOK_BACK_EVERY = 5  # seconds
LAST_WAIT_SECONDS = 5.0  # for acknowledgements, when a shift ends


class DeliveryFailed(Exception):
    """Kafka did not take a message. What came after it may have been taken, so the producer is not to be used again."""


class Shift:
    """One shift over the outboxes of `databases` (all on one MongoDB), until `stop()` says so.

    Raises `DeliveryFailed` or `PyMongoError` when the way to Kafka or from MongoDB breaks: the next shift starts over
    from what is still in the outbox.
    """

    def __init__(self, databases: Sequence[Database[Document]], *, stop: Callable[[], bool]) -> None:
        self._databases = {database.name: database for database in databases}
        self._leases = {database.name: Lease(database, LEASE) for database in databases}
        self._stop = stop
        self._acknowledgements = Acknowledgements(self._databases)
        self._look_again_at = time.monotonic() + 1
        self._look_back_at = 0.0
        self._strange: set[tuple[str, str]] = set()  # the oldest documents that were not this shift's at the last look

    def run(self) -> int:
        """Works the shift; gives the number of messages produced. Nothing is done without the leases."""
        try:
            mine = [name for name, lease in self._leases.items() if lease.take()]
            return self._work(mine) if mine else 0
        finally:
            with suppress(PyMongoError):  # without MongoDB they run out by themselves
                for lease in self._leases.values():
                    lease.release()

    def _work(self, mine: Sequence[str]) -> int:
        def on_duty() -> bool:
            held = all(self._leases[name].keep() for name in mine)
            return held and not self._stop() and not self._more_to_take(mine)

        databases = [self._databases[name] for name in mine]
        produced = 0
        with closing(following.documents(databases)) as line, self._acknowledgements.served(on_duty) as delivery:
            for found in line:
                delivery.check()
                if not on_duty():
                    break
                if found is not None:
                    produced += delivery.produce(*found)
                    killpoints.reached(Place.RELAY_AFTER_SEND, found[:1])
                elif self._has_passed_over(databases, delivery):
                    break
        delivery.check()
        return produced

    def _more_to_take(self, mine: Sequence[str]) -> bool:
        """Whether another relay's lease has come free since: then this shift ends, and the next one serves all."""
        if len(mine) == len(self._leases) or time.monotonic() < self._look_again_at:
            return False
        self._look_again_at = time.monotonic() + 1
        return any(lease.take() for name, lease in self._leases.items() if name not in mine)

    def _has_passed_over(self, databases: Sequence[Database[Document]], delivery: "Acknowledgements") -> bool:
        """Whether something lies in an outbox that was not brought, where nothing more is now.

        So it is when a backup was put back under this shift: the next one scans.
        """
        if time.monotonic() < self._look_back_at:
            return False
        self._look_back_at = time.monotonic() + _LOOK_BACK_EVERY
        in_hand = delivery.in_hand  # before the look: what is deleted meanwhile is not there
        oldest = {(each.name, found) for each in databases if (found := outbox.oldest(each))}
        before, self._strange = self._strange, oldest - in_hand
        if passed_over := self._strange & before:  # what was committed just now has until the next look
            log.warning("an outbox was put back, the next shift scans it", documents=sorted(passed_over))
        return bool(passed_over)


class Acknowledgements:
    """Counts what the broker has acknowledged of each outbox document and deletes the complete ones.

    Works on a thread of its own, so that the stream never waits for a deletion.
    """

    def __init__(self, databases: dict[str, Database[Document]]) -> None:
        # A deletion that a crash of MongoDB undoes costs a repetition: it need not wait for the journal.
        self._outboxes = {
            name: database[outbox.COLLECTION].with_options(write_concern=WriteConcern(w=1))
            for name, database in databases.items()
        }
        self._delete_at = 0.0
        self._complete: deque[tuple[str, Document, int]] = deque()  # with the time of the last acknowledgement
        self._in_hand: set[tuple[str, str]] = set()
        self._error: BaseException | None = None
        self._over = threading.Event()
        self._producer: Producer | None = None
        self._on_duty: Callable[[], bool] = lambda: True

    @contextmanager
    def served(self, on_duty: Callable[[], bool]) -> Iterator["Acknowledgements"]:
        """Starts the producer and the thread; at the end waits a little for what is under way.

        While the producer's queue is full, it is waited for only as long as `on_duty()` says.
        """
        self._on_duty = on_duty
        self._producer = kafka.producer()
        self._error = None
        self._over.clear()
        thread = threading.Thread(target=self._serve, name="relay-acknowledgements")
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join()
            # Never let a failed producer deliver a later message of an aggregate: the successor starts over.
            self._producer.purge()
            self._producer = None

    def produce(self, database: str, document: Document) -> int:
        """Hands a document's messages to the producer, in order. Gives their number.

        That is less than the document has if its time ended before the queue had room: then the document stays.
        """
        assert self._producer is not None
        self._in_hand.add((database, document["_id"]))
        messages = document["messages"]
        pending = _Pending(
            len(messages), lambda: self._complete.append((database, document, time.time_ns())), self._fail
        )
        for before, message in enumerate(messages):
            if not self._produce(message, pending):
                return before
        return len(messages)

    @property
    def in_hand(self) -> frozenset[tuple[str, str]]:
        """The outbox documents (database, id) that were produced and are not deleted yet."""
        return frozenset(self._in_hand)

    def check(self) -> None:
        """Raises what went wrong since, if anything."""
        if self._error is not None:
            raise DeliveryFailed(str(self._error)) from self._error

    def _produce(self, message: Document, pending: "_Pending") -> bool:
        assert self._producer is not None
        while True:
            self.check()
            try:
                self._producer.produce(
                    message["topic"],
                    key=message["key"],
                    value=message["value"],
                    headers=[tuple(header) for header in message["headers"]],
                    on_delivery=pending,
                )
            except BufferError:
                # The queue is full. The other thread takes the acknowledgements in, alone: two would miscount them.
                if not self._on_duty():
                    return False
                time.sleep(0.01)
            except KafkaException as error:
                self._fail(error)
            else:
                return True

    def _serve(self) -> None:
        assert self._producer is not None
        try:
            while not self._over.is_set():
                self._producer.poll(0.05)
                if len(self._complete) >= _DELETE_AT_ONCE or time.monotonic() >= self._delete_at:
                    self._delete()
                    self._delete_at = time.monotonic() + _DELETE_EVERY
            if self._error is None:
                self._producer.flush(LAST_WAIT_SECONDS)
            self._delete()
        except Exception as error:
            self._fail(error)

    def _delete(self) -> None:
        while self._complete:
            done: dict[str, list[str]] = {}
            acknowledged = [self._complete.popleft() for _ in range(min(len(self._complete), _DELETE_AT_ONCE))]
            for name, document, _ in acknowledged:
                done.setdefault(name, []).append(document["_id"])
            witness.relayed([(document, at) for _, document, at in acknowledged])
            for name, ids in done.items():
                killpoints.reached(Place.RELAY_AFTER_ACKNOWLEDGEMENT, (name,))
                self._outboxes[name].delete_many({"_id": {"$in": ids}})
                self._in_hand.difference_update((name, id) for id in ids)
                killpoints.reached(Place.RELAY_AMID_DELETION, (name,))

    def _fail(self, error: BaseException) -> None:
        if self._error is None:
            log.warning("delivery failed", error=repr(error))
            self._error = error


class _Pending:
    """The delivery callback of one outbox document: calls `complete` at the last acknowledgement."""

    __slots__ = ("_complete", "_fail", "_left")

    def __init__(self, count: int, complete: Callable[[], None], fail: Callable[[BaseException], None]) -> None:
        self._left = count
        self._complete = complete
        self._fail = fail

    def __call__(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._fail(KafkaException(error))
            return
        self._left -= 1
        if self._left == 0:
            self._complete()
