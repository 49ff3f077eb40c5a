"""Dead letters over HTTP, for staff."""

from collections.abc import Iterable
from typing import Any

from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ecommerce import identity
from ecommerce.ages import time_since
from ecommerce.deadletters.desk import Actor, Desk, NoSuchLetter, NotOpen
from ecommerce.deadletters.letters import OPEN, STATUSES
from ecommerce.deadletters.selection import Selection, chain_of
from ecommerce.deadletters.showing import (
    DeadLetter,
    DryRun,
    WholeDeadLetter,
    parted,
    qualified,
    represent,
    represent_whole,
    tried,
)
from ecommerce.http.describing import PAGE, operation, query
from ecommerce.http.pagination import Cursor, size_of
from ecommerce.http.parsing import StrictSerializer, Text
from ecommerce.http.permissions import Scope, caller, needs
from ecommerce.http.shapes import Page, Shape
from ecommerce.messages import Refused
from ecommerce.registry import engine, services


class ReasonSerializer(StrictSerializer):
    reason = Text(max_length=500, required=False, default="")


class Replayed(Shape):
    """The letters that were taken, and the one that failed again, if one did; `left` wait behind it."""

    taken: list[str]
    left: int
    failed: str | None
    error: str | None


class Discarded(Shape):
    """So many of its chain wait still."""

    left: int


_FILTERS = [
    query("service", "Only of this one", {"type": "string", "enum": [service.name for service in services()]}),
    query("status", f"Only those; without it {' and '.join(OPEN)}", {"type": "string", "enum": [*STATUSES]}),
    query("type", "Only of this type of event", {"type": "string"}),
    query("key", "Only of this order or product", {"type": "string"}),
    query("error", "Only with this in their error", {"type": "string"}),
    query("since", "Only set aside since this time, or within this age: `2h`", {"type": "string", "format": "since"}),
]


class DeadLettersView(APIView):
    permission_classes = (needs(Scope.DEAD_LETTERS_READ),)

    @operation("listDeadLetters", "Dead letters", answers={200: Page[DeadLetter]}, parameters=[*_FILTERS, *PAGE])
    def get(self, request: Request) -> Response:
        """The latest first, over all services of this process."""
        size, cursor, selection = size_of(request), Cursor.of(request), _selection(request)
        found = [
            (letter["parked_at"], qualified(desk.service, letter["_id"]), represent(desk.service, letter))
            for desk in _desks(request)
            for letter in desk.latest(selection, cursor, limit=size + 1)
        ]
        found.sort(key=lambda each: each[:2], reverse=True)
        following = str(Cursor(*found[size - 1][:2])) if len(found) > size else None
        return Response(Page(results=[shown for *_, shown in found[:size]], next=following))


class DeadLetterView(APIView):
    permission_classes = (needs(Scope.DEAD_LETTERS_READ),)

    @operation("getDeadLetter", "A dead letter with what it holds", answers={200: WholeDeadLetter})
    def get(self, request: Request, id: str) -> Response:
        desk, letter = _found(id)
        return Response(represent_whole(desk.service, letter))


class DryRunView(APIView):
    permission_classes = (needs(Scope.DEAD_LETTERS_READ),)

    @operation("tryDeadLetter", "What a replay would lead to", answers={200: DryRun}, problems=["not-open"])
    def post(self, request: Request, id: str) -> Response:
        """Takes the letter's whole chain, in order, and stores nothing."""
        desk, letter = _found(id)
        if letter["status"] not in OPEN:
            raise Refused("not_open", f"{id} is {letter['status']}")
        chain, actor = chain_of(letter), Actor(by=caller(request).username)
        return Response(tried(chain, desk.replay(chain, actor, dry_run=True, quarantined=True)))


class ReplayView(APIView):
    permission_classes = (needs(Scope.DEAD_LETTERS_CHANGE),)

    @operation("replayDeadLetter", "Tries again", body=ReasonSerializer, answers={200: Replayed})
    def post(self, request: Request, id: str) -> Response:
        """Takes the letter's whole chain, in order."""
        desk, letter, actor = _asked(request, id)
        done = desk.replay(chain_of(letter), actor, quarantined=True)
        return Response(
            Replayed(
                taken=[qualified(desk.service, each) for each in done.taken],
                left=done.left,
                failed=qualified(desk.service, done.failed) if done.failed else None,
                error=done.error or None,
            )
        )


class DiscardView(APIView):
    permission_classes = (needs(Scope.DEAD_LETTERS_CHANGE),)

    @operation(
        "discardDeadLetter", "Gives it up", body=ReasonSerializer, answers={200: Discarded}, problems=["not-open"]
    )
    def post(self, request: Request, id: str) -> Response:
        """Its effect is lost for good; what waits behind it can be replayed then."""
        desk, letter, actor = _asked(request, id)
        try:
            return Response(Discarded(left=desk.discard(letter["_id"], actor)))
        except NotOpen as error:
            raise Refused("not_open", str(error)) from error


def _asked(request: Request, id: str) -> tuple[Desk, dict[str, Any], Actor]:
    serializer = ReasonSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    desk, letter = _found(id)
    return desk, letter, Actor(by=caller(request).username, reason=serializer.validated_data["reason"])


def _found(id: str) -> tuple[Desk, dict[str, Any]]:
    service, letter_id = parted(id)
    try:
        desk = Desk(engine(service))
        return desk, desk.letter(letter_id)
    except (LookupError, NoSuchLetter) as error:
        raise NotFound(f"there is no dead letter {id}") from error


def _desks(request: Request) -> Iterable[Desk]:
    served = [service.name for service in services()]
    wanted = request.query_params.get("service")
    if wanted is not None and wanted not in served:
        raise ValidationError({"service": [f"Must be one of {', '.join(served)}."]})
    return [Desk(engine(name)) for name in ([wanted] if wanted else served)]


def _selection(request: Request) -> Selection:
    given = request.query_params
    status = given.get("status")
    if status is not None and status not in STATUSES:
        raise ValidationError({"status": [f"Must be one of {', '.join(STATUSES)}."]})
    try:
        since = time_since(given["since"], now=identity.now()) if "since" in given else None
    except (ValueError, OverflowError) as error:
        raise ValidationError({"since": [str(error)]}) from error
    return Selection(
        type=given.get("type"),
        key=given.get("key"),
        error=given.get("error"),
        since=since,
        statuses=(status,) if status else OPEN,
    )
