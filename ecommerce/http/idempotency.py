"""`Idempotency-Key`: the same key makes the same command, and the log knows it already."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from ecommerce import identity, storage
from ecommerce.engine import Engine
from ecommerce.http.permissions import caller
from ecommerce.messages import Message, Refused, decode
from ecommerce.vault import vault

HEADER = "Idempotency-Key"

M = TypeVar("M", bound=Message)


def command_id(request: Request, endpoint: str) -> str:
    """The command's id: a function of user, endpoint and key, or a new one where there is no key.

    Like a new one, that of a key in the form of a UUIDv7 is in time order, which MongoDB's indexes like best.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return identity.new_id()
    if not 0 < len(key) <= 255 or not all(" " <= character <= "~" for character in key):
        raise ValidationError({HEADER: ["Must be 1 to 255 printable ASCII characters."]})
    return identity.derived_id("command", str(caller(request).id), endpoint, key)


def fingerprint(body: Any, key_id: str) -> str:
    """Tells one body from another without keeping it: a plain hash could be guessed from an address.

    With the customer's data key, so that it outlives master keys and is erased with the customer. Raises `Erased`.
    """
    return vault().fingerprint(key_id, json.dumps(body, sort_keys=True, separators=(",", ":")))


def execute(engine: Engine, command: M, *, id: str, same: Callable[[M, M], bool] | None = None) -> dict[str, str]:
    """Takes a command, unless it was taken before. Gives the answer's headers, which tell that.

    `same` tells whether the one that was taken first and this one ask for the same; else they must be equal. Raises
    `Refused` where they are not, or where the state does not allow it.
    """
    if not engine.execute(command, id=id).duplicate:
        return {}
    entry = engine.database[storage.EVENTS].find_one({"_id": storage.entry_id(command.key, id)})
    first = decode(entry["data"], type(command)).payload if entry else command
    return replayed(is_same=same(first, command) if same else first == command)


def replayed(*, is_same: bool) -> dict[str, str]:
    """The headers of an answer that was given before. Raises `Refused` if it was given to another request."""
    if not is_same:
        raise Refused("key_reused", f"this {HEADER} came with another body before")
    return {"Idempotency-Replayed": "true"}
