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
from ecommerce.deadletters.showing import parted, qualified, represent
from ecommerce.http.pagination import Cursor, size_of
from ecommerce.http.parsing import StrictSerializer, Text
from ecommerce.http.permissions import Scope, caller, needs
from ecommerce.messages import Refused
from ecommerce.registry import engine, services


class ReasonSerializer(StrictSerializer):
    reason = Text(max_length=500, required=False, default="")


class DeadLettersView(APIView):
    permission_classes = (needs(Scope.DEAD_LETTERS_READ),)

    def get(self, request: Request) -> Response:
        """`{results, next}`, the latest first, over all services of this process."""
        size, cursor, selection = size_of(request), Cursor.of(request), _selection(request)
        found = [
            (letter["parked_at"], qualified(desk.service, letter["_id"]), represent(desk.service, letter))
            for desk in _desks(request)
            for letter in desk.latest(selection, cursor, limit=size + 1)
        ]
        found.sort(key=lambda each: each[:2], reverse=True)
        following = str(Cursor(*found[size - 1][:2])) if len(found) > size else None
        return Response({"results": [shown for *_, shown in found[:size]], "next": following})


class ReplayView(APIView):
    permission_classes = (needs(Scope.DEAD_LETTERS_CHANGE),)

    def post(self, request: Request, id: str) -> Response:
        """Takes the letter's whole chain, in order: `{taken, left, failed, error}`."""
        desk, letter, actor = _asked(request, id)
        done = desk.replay(chain_of(letter), actor, quarantined=True)
        return Response(
            {
                "taken": [qualified(desk.service, each) for each in done.taken],
                "left": done.left,
                "failed": qualified(desk.service, done.failed) if done.failed else None,
                "error": done.error or None,
            }
        )


class DiscardView(APIView):
    permission_classes = (needs(Scope.DEAD_LETTERS_CHANGE),)

    def post(self, request: Request, id: str) -> Response:
        """Gives the letter up: `{left}` of its chain wait still."""
        desk, letter, actor = _asked(request, id)
        try:
            return Response({"left": desk.discard(letter["_id"], actor)})
        except NotOpen as error:
            raise Refused("not_open", str(error)) from error


def _asked(request: Request, id: str) -> tuple[Desk, dict[str, Any], Actor]:
    serializer = ReasonSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    service, letter_id = parted(id)
    try:
        desk = Desk(engine(service))
        letter = desk.letter(letter_id)
    except (LookupError, NoSuchLetter) as error:
        raise NotFound(f"there is no dead letter {id}") from error
    return desk, letter, Actor(by=caller(request).username, reason=serializer.validated_data["reason"])


def _desks(request: Request) -> Iterable[Desk]:
    served = [service.name for service in services()]
    wanted = request.query_params.get("service")
    if wanted is not None and wanted not in served:
        raise ValidationError({"service": [f"Must be one of {', '.join(served)}."]})
    return [Desk(engine(name)) for name in ([wanted] if wanted else served)]


def _selection(request: Request) -> Selection:
    query = request.query_params
    status = query.get("status")
    if status is not None and status not in STATUSES:
        raise ValidationError({"status": [f"Must be one of {', '.join(STATUSES)}."]})
    try:
        since = time_since(query["since"], now=identity.now()) if "since" in query else None
    except (ValueError, OverflowError) as error:
        raise ValidationError({"since": [str(error)]}) from error
    return Selection(
        type=query.get("type"),
        key=query.get("key"),
        error=query.get("error"),
        since=since,
        statuses=(status,) if status else OPEN,
    )
