"""The engine: takes a batch of inputs into a service in one MongoDB transaction.

It loads the aggregates that the batch names, drops what the log already holds, decides and evolves in memory, and
writes log, aggregates, outbox, dead letters and the consumer's positions together. A batch costs hardly more than a
single input, so callers hand over what they have.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from bson.codec_options import CodecOptions
from django.db import connections
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from ecommerce import identity, killpoints, tracing, witness
from ecommerce.batch import Batch
from ecommerce.dispatch import ask_outside
from ecommerce.groupcommit import GroupCommit
from ecommerce.inputs import Input, Outcome, Position
from ecommerce.killpoints import Place
from ecommerce.messages import Message, Refused, encode, seal_in_envelope
from ecommerce.service import Service
from ecommerce.storage import Document
from ecommerce.transaction import in_transaction

T = TypeVar("T")

_DUPLICATE_KEY = 11000
_NOTHING: Mapping[Position, int] = {}


class Engine:
    """The runtime of one service. Any number of threads may share it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._together = GroupCommit(self.take)

    @cached_property
    def database(self) -> Database[Document]:
        connection = connections[self.service.name]
        connection.ensure_connection()
        # Django's connection reads times as naive ones; here they have their zone.
        return connection.database.with_options(CodecOptions(tz_aware=True))  # type: ignore[no-any-return, attr-defined]

    def take(
        self,
        inputs: Sequence[Input],
        positions: Mapping[Position, int] = _NOTHING,
        *,
        known: Mapping[Position, int] = _NOTHING,
    ) -> list[Outcome]:
        """Takes `inputs`, in order, and moves the consumer's `positions` (next offset) with them.

        Gives an outcome for each input. One that is in the log already changes nothing (`duplicate`); a refused
        command changes nothing (`refused`); a message that raises is parked alone. Raises `PyMongoError` when
        MongoDB is out of reach for longer than the wrapper's patience: then nothing, or everything, is stored, and
        the same call again is safe. Raises `positions.WentBack`, and stores nothing, when MongoDB has less than the
        positions that are `known` to be stored.
        """
        try:
            return self._take(inputs, positions, known, look_up=False)
        except BulkWriteError as error:
            if not _is_duplicate(error):
                raise
            # Something is in the log already. Duplicates are rare, so only now is it worth asking which.
            return self._take(inputs, positions, known, look_up=True)

    def execute(self, command: Message, *, id: str, at: datetime | None = None) -> Outcome:
        """Takes one command, answer or deadline. Raises `Refused` if the state does not allow it.

        Calls of several threads at once share a transaction; each gets its own outcome.
        """
        outcome = self._together.take(self.input(command, id=id, at=at))
        if outcome.refused is not None:
            raise outcome.refused
        return outcome

    def input(self, message: Message, *, id: str, at: datetime | None = None) -> Input:
        """An input made here: a command, an answer or a deadline, with its deterministic `id`."""
        envelope = seal_in_envelope(message, id=id, at=at or identity.now(), cause=None)
        if step := tracing.current():
            step.about(envelope.correlation_id)
        return Input(id=id, key=message.key, data=encode(envelope), envelope=envelope, within=step)

    def transact(self, body: Callable[[Batch, ClientSession], T]) -> T:
        """Runs `body` with an empty batch in one transaction, then asks outside what the batch, if written, calls for.

        The body may run several times, each time with another batch.
        """
        began = time.time_ns()
        batch, result = in_transaction(self.service.name, lambda session: self._attempt(body, session))
        killpoints.reached(Place.ENGINE_AFTER_COMMIT, batch.labels())
        if batch.asked:
            ask_outside(self.service, batch.asked)
        witness.taken(self.service, batch.outcomes, began=began)
        return result

    def _attempt(self, body: Callable[[Batch, ClientSession], T], session: ClientSession) -> tuple[Batch, T]:
        batch = Batch(self.service, self.database, session)
        result = body(batch, session)
        killpoints.reached(Place.ENGINE_BEFORE_COMMIT, batch.labels())
        return batch, result

    def _take(
        self, inputs: Sequence[Input], moved: Mapping[Position, int], known: Mapping[Position, int], *, look_up: bool
    ) -> list[Outcome]:
        def body(batch: Batch, _: ClientSession) -> list[Outcome]:
            batch.load(inputs, look_up=look_up)
            for given in inputs:
                batch.take(given)
            batch.write(moved, known=known)
            return batch.outcomes

        return self.transact(body)


def _is_duplicate(error: BulkWriteError) -> bool:
    return any(each["code"] == _DUPLICATE_KEY for each in error.details["writeErrors"])


__all__ = ["Engine", "Input", "Outcome", "Refused"]
