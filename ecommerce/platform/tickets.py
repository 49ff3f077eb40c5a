"""Tickets for a WebSocket: a browser can send no Authorization with it, and a token in a URL ends up in logs.

Who holds an access token gets a ticket for it. It is good once, for `SECONDS`, and stands for what the token says.
"""

import hashlib
import secrets

import msgspec

from ecommerce import typed
from ecommerce.http.authentication import Caller
from ecommerce.memory import key, memory

SECONDS = 30
_PATIENCE = 1.0


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who a ticket was given to: until when the access token is good (epoch), and what its holder may do."""

    user_id: str
    scopes: frozenset[str]
    expires: float


def issue(caller: Caller) -> str:
    """A new ticket for the holder of an access token. Raises `RedisError`."""
    ticket = secrets.token_urlsafe(32)
    holder = Holder(user_id=str(caller.id), scopes=caller.scopes, expires=caller.token["exp"])
    memory(patience=_PATIENCE).set(_key(ticket), msgspec.json.encode(holder), ex=SECONDS)
    return ticket


def spend(ticket: str) -> Holder | None:
    """Who it was given to, once; None of one that is spent, too old or none. Raises `RedisError`."""
    found = memory(patience=_PATIENCE).getdel(_key(ticket))
    return typed.decode(found, Holder) if found else None  # type: ignore[arg-type]


def _key(ticket: str) -> str:
    # Whoever sees Redis cannot use it, and whatever a client sends is a key of the same length.
    return key("ws-ticket", hashlib.sha256(ticket.encode(errors="surrogatepass")).hexdigest())
