"""Kill points: named places at which a test run can have the process die on the spot, as SIGKILL from outside would.

Armed by the environment alone, and never in production. `KILL_POINT` names the place and, after colons, labels that it
must have there: `engine.after-commit:payments:PaymentVoided` dies after a commit of payments with such an entry.
`KILL_POINT_AFTER` is the how-manieth time it is reached that counts. `KILL_POINT_FILE` is made just before, and where
it exists nothing dies: so it happens once, however often a supervisor starts the process again, and the test sees it.
"""

import itertools
import os
import signal
from collections.abc import Iterable
from enum import StrEnum


class Place(StrEnum):
    """Every place, with the labels it has."""

    # The service, and the type of every log entry of the batch.
    ENGINE_BEFORE_COMMIT = "engine.before-commit"
    ENGINE_AFTER_COMMIT = "engine.after-commit"  # before its tasks are queued
    # The service whose outbox it is.
    RELAY_AMID_SCAN = "relay.amid-scan"  # what was scanned so far is with the producer
    RELAY_AFTER_SEND = "relay.after-send"
    RELAY_AFTER_ACKNOWLEDGEMENT = "relay.after-acknowledgement"
    RELAY_AMID_DELETION = "relay.amid-deletion"
    # The service.
    CONSUMER_AT_ASSIGNMENT = "consumer.at-assignment"
    CONSUMER_AFTER_READING = "consumer.after-reading"
    CONSUMER_AFTER_HANDLING = "consumer.after-handling"  # its positions are not saved, its offsets not shown
    # The party and the path.
    OUTSIDE_BEFORE_CALL = "outside.before-call"
    OUTSIDE_AMID_ANSWERS = "outside.amid-answers"  # some operations have their answer, others are asked again
    OUTSIDE_AFTER_ANSWER = "outside.after-answer"  # the engine has not taken it
    # The service.
    REPLAY_AFTER_COMMIT = "replay.after-commit"  # of dead letters: the next ones of the chain wait still
    DEADLINE_AFTER_READING = "deadline.after-reading"
    HTTP_AFTER_COMMIT = "http.after-commit"  # the client has no answer; "first" or "repeated", as the answer will be


class Armed:
    """A kill point that will go off. `spec` is KILL_POINT; raises `ValueError` for a place that there is not."""

    def __init__(self, spec: str, *, after: int = 1, file: str = "") -> None:
        place, *labels = spec.split(":")
        self._place = Place(place)
        self._labels = set(labels)
        self._after = after
        self._file = file
        self._times = itertools.count(1)

    def at(self, place: Place, labels: Iterable[str]) -> None:
        """Does not return if this is where and when to die."""
        if place is not self._place or not self._labels.issubset(labels) or next(self._times) < self._after:
            return
        if self._file:
            try:
                os.close(os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            except FileExistsError:
                return
        os.kill(os.getpid(), signal.SIGKILL)


_armed: Armed | None = None


def arm(spec: str, *, after: int, file: str) -> None:
    """Arms this process, if `spec` is not empty. Called once, by the settings."""
    global _armed
    _armed = Armed(spec, after=after, file=file) if spec else None


def reached(place: Place, labels: Iterable[str] = ()) -> None:
    """Marks a place. Costs next to nothing where none is armed; `labels` may be a generator, then never run."""
    if _armed is not None:
        _armed.at(place, labels)
