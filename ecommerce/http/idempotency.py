"""`Idempotency-Key`: the same key makes the same command, and the log knows it already."""

import json
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from ecommerce import identity
from ecommerce.http.permissions import caller
from ecommerce.vault import vault

HEADER = "Idempotency-Key"


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
