"""The outside world as a bare program asks it: about a batch's orders in one request, of a sandbox party."""

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import httpx
import msgspec

from tests.load.bare import Document

ADDRESS = {"name": "Alice", "line1": "1 Main Street", "city": "Berlin", "postalCode": "10115", "country": "DE"}
_AT_ONCE = 500  # the parties take no more in one request
_SECONDS = 30


class Question(NamedTuple):
    """How a party is asked: where, with what of an order's state, which status says yes, which event notes it."""

    party: str  # the variable that has its address
    path: str
    about: Callable[[Document], Document]
    yes: str
    answer: str


def _charge(state: Document) -> Document:
    return {"order": state["_id"], "amount": state["amount"], "currency": "USD"}


def _card(state: Document) -> Document:
    return _charge(state) | {"token": "tok_visa"}


def _parcel(state: Document) -> Document:
    return {"order": state["_id"], "address": ADDRESS}


# By the event that resolves to ask.
QUESTIONS = {
    "AuthorizationRequested": Question("GATEWAY_URL", "/authorize", _card, "authorized", "ChargeAuthorized"),
    "CaptureRequested": Question("GATEWAY_URL", "/capture", _charge, "captured", "ChargeCaptured"),
    "ShipmentCreated": Question("CARRIER_URL", "/book", _parcel, "accepted", "ShipmentBooked"),
}


class OutsideWorld:
    """The gateway and the carrier that this process's environment names."""

    def __init__(self) -> None:
        self._http = httpx.Client(trust_env=False, timeout=_SECONDS)

    def ask(self, question: Question, states: Iterator[Document]) -> None:
        """Asks about the orders of these states. Fails unless each is answered with a yes."""
        url = os.environ[question.party] + question.path
        while some := [question.about(state) for state in islice(states, _AT_ONCE)]:
            content = msgspec.json.encode({"operations": some})
            response = self._http.post(url, content=content, headers={"content-type": "application/json"})
            answers = msgspec.json.decode(response.raise_for_status().content, type=_Answers).results
            assert [answer.status for answer in answers] == [question.yes] * len(some), f"{url}: {answers[:3]}"


class _Answer(msgspec.Struct):
    status: str


class _Answers(msgspec.Struct):
    results: Sequence[_Answer]
