"""Group commit: inputs that arrive together on several threads share one transaction.

Whoever comes first commits what is waiting by then; those who come meanwhile form the next batch. A lone input waits
for nobody, and under load the cost of a commit is shared by all who wait for it.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import DatabaseError
from pymongo.errors import PyMongoError

from ecommerce.inputs import Input, Outcome

MOST_INPUTS = 200


@dataclass(slots=True)
class _Waiting:
    given: Input
    outcome: Outcome | None = None
    error: BaseException | None = None

    @property
    def served(self) -> bool:
        return self.outcome is not None or self.error is not None


class GroupCommit:
    """Hands inputs to `commit` one batch at a time. Thread-safe."""

    def __init__(self, commit: Callable[[Sequence[Input]], list[Outcome]]) -> None:
        self._commit = commit
        self._turn = threading.Lock()
        self._queue: list[_Waiting] = []
        self._queue_lock = threading.Lock()

    def take(self, given: Input) -> Outcome:
        """The outcome of one input. Raises what its batch raised, if that was not the fault of another input."""
        waiting = _Waiting(given)
        with self._queue_lock:
            self._queue.append(waiting)
        while not waiting.served:
            with self._turn:
                if not waiting.served:  # nobody who had the turn before has taken it along
                    self._serve(self._next_batch())
        if waiting.error is not None:
            raise waiting.error
        assert waiting.outcome is not None
        return waiting.outcome

    def _next_batch(self) -> list[_Waiting]:
        with self._queue_lock:
            batch, self._queue = self._queue[:MOST_INPUTS], self._queue[MOST_INPUTS:]
        return batch

    def _serve(self, batch: Sequence[_Waiting]) -> None:
        try:
            outcomes = self._commit([waiting.given for waiting in batch])
        except (PyMongoError, DatabaseError) as error:
            for waiting in batch:
                waiting.error = error
        except BaseException as error:
            # Nothing is stored. One input is to blame, and the others must not suffer for it.
            if len(batch) == 1:
                batch[0].error = error
                return
            for waiting in batch:
                self._serve([waiting])
        else:
            for waiting, outcome in zip(batch, outcomes, strict=True):
                waiting.outcome = outcome
