"""Asking an outside party about many orders in one request, and taking its answers one by one.

The party takes `POST <path> {"operations": [...]}` and answers `{"results": [{"order", "status", ...}]}` in the same
sequence. Two statuses say that an operation has no outcome yet: "unavailable" (it failed in passing) and "pending".
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any, Protocol

import msgspec
import stamina
import structlog

from ecommerce import identity, killpoints, tracing, typed
from ecommerce.killpoints import Place
from ecommerce.outside import Outside, Rejected, Unavailable
from ecommerce.retrying import full_jitter

MAX_OPERATIONS = 500  # in one request

_CONTENT_REFUSED = frozenset({400, 413, 422})

log = structlog.get_logger(__name__)


class Operation(Protocol):
    """A struct that is sent as it is; with the path, its order is its idempotency key."""

    @property
    def order(self) -> str: ...


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody can tell what happened, or will: the intent stays open and is repeated later."""

    detail: str


Raw = dict[str, Any] | Unknown


class _InPassing(Exception):
    """Some operations may be asked again at once."""


def ask_each(outside: Outside, path: str, operations: Sequence[Operation], *, expected: Any, **also: Any) -> list[Any]:
    """An `expected` (a union of structs tagged by "status") or an `Unknown` for each operation, in their sequence.

    Operations that fail in passing are asked again, up to the party's number of attempts. A batch that the party
    rejects is halved, so that a wrong operation fails alone. `also` are further fields of the request.
    """
    with calling(outside.name, path, operations):
        return _ask_each(outside, path, operations, expected, also)


def calling(party: str, path: str, operations: Sequence[Operation]) -> AbstractContextManager[tracing.Step]:
    """Around asking a party about these orders."""
    orders = [operation.order for operation in operations]
    return tracing.step(f"{party} {path}", id=identity.new_id(), kind=tracing.Kind.CLIENT, orders=orders)


def _ask_each(
    outside: Outside, path: str, operations: Sequence[Operation], expected: Any, also: dict[str, Any]
) -> list[Any]:
    labels = (outside.name, path)
    killpoints.reached(Place.OUTSIDE_BEFORE_CALL, labels)
    answers: list[Raw] = [Unknown(detail="not asked")] * len(operations)
    waiting = list(range(len(operations)))
    hook = full_jitter(lambda error: isinstance(error, _InPassing), attempts=outside.attempts)
    with suppress(_InPassing):
        for attempt in stamina.retry_context(on=hook, attempts=outside.attempts, timeout=None):
            with attempt:
                asked = _in_batches(outside, path, [operations[index] for index in waiting], also)
                for index, answer in zip(waiting, asked, strict=True):
                    answers[index] = answer
                waiting = [index for index in waiting if _status(answers[index]) == "unavailable"]
                if waiting:
                    killpoints.reached(Place.OUTSIDE_AMID_ANSWERS, labels)
                    raise _InPassing
    killpoints.reached(Place.OUTSIDE_AFTER_ANSWER, labels)
    return [_outcome(answer, expected) for answer in answers]


def _in_batches(outside: Outside, path: str, operations: list[Operation], also: dict[str, Any]) -> Iterator[Raw]:
    for start in range(0, len(operations), MAX_OPERATIONS):
        yield from _ask(outside, path, operations[start : start + MAX_OPERATIONS], also)


def _ask(outside: Outside, path: str, operations: list[Operation], also: dict[str, Any]) -> list[Raw]:
    try:
        return _results(operations, outside.post(path, {"operations": operations, **also}))
    except Rejected as rejected:
        half = len(operations) // 2
        if half and rejected.status in _CONTENT_REFUSED:
            return [
                answer for part in (operations[:half], operations[half:]) for answer in _ask(outside, path, part, also)
            ]
        orders = [operation.order for operation in operations[:10]]
        log.error("outside_party_rejected", party=outside.name, path=path, reason=str(rejected), orders=orders)
        return [Unknown(detail=f"{outside.name} rejected the request: {rejected}")] * len(operations)
    except Unavailable as unavailable:
        return [Unknown(detail=unavailable.detail)] * len(operations)


def _results(operations: list[Operation], answer: Any) -> list[Raw]:
    try:
        results: list[Raw] = answer["results"]
        about = [result["order"] for result in answer["results"]]
    except (KeyError, TypeError) as error:
        raise Unavailable(f"the answer is not understood: {error!r}") from error
    if about != [operation.order for operation in operations]:
        raise Unavailable("the answer is about other orders")
    return results


def _status(answer: Raw) -> Any:
    return None if isinstance(answer, Unknown) else answer.get("status")


def _outcome(answer: Raw, expected: Any) -> Any:
    if isinstance(answer, Unknown):
        return answer
    if _status(answer) in ("pending", "unavailable"):
        return Unknown(detail=f"the operation is {answer['status']}")
    try:
        return typed.convert(answer, expected)
    except msgspec.ValidationError as error:
        return Unknown(detail=f"the answer is not understood: {error}")
