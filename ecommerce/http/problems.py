"""Errors as problem documents (RFC 9457): `type` is stable and for programs, `errors` names the fields at fault."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import structlog
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

from ecommerce.http.parsing import TooLong
from ecommerce.masterkeys import Locked
from ecommerce.messages import Refused
from ecommerce.vault import Erased

log = structlog.get_logger(__name__)


class SignInLocked(exceptions.Throttled):
    """Passwords were guessed. Says the same whether the name is somebody's or not, and this password right or not."""

    default_detail = "Too many wrong passwords for this name from this address."
    extra_detail_singular = extra_detail_plural = "Try again in {wait} seconds."


CONTENT_TYPE = "application/problem+json"
# The status of a kind of problem, where it is not 400
_STATUSES = {
    "unauthenticated": 401,
    "forbidden": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "already-refunded": 409,
    "already-shipped": 409,
    "insufficient-stock": 409,
    "not-captured": 409,
    "not-open": 409,
    "too-large": 413,
    "unsupported-media-type": 415,
    "key-reused": 422,
    "throttled": 429,
    "sign-in-locked": 429,
    "internal": 500,
    "unavailable": 503,
}
_KINDS: dict[type[Exception], tuple[str, str]] = {
    exceptions.ValidationError: ("validation", "The request is not valid"),
    exceptions.ParseError: ("malformed", "The body cannot be read"),
    exceptions.NotAuthenticated: ("unauthenticated", "A token is needed"),
    exceptions.AuthenticationFailed: ("unauthenticated", "The credentials are not valid"),
    exceptions.PermissionDenied: ("forbidden", "Not allowed"),
    exceptions.NotFound: ("not-found", "There is no such thing"),
    exceptions.MethodNotAllowed: ("method-not-allowed", "Not a method of this resource"),
    exceptions.UnsupportedMediaType: ("unsupported-media-type", "JSON is expected"),
    SignInLocked: ("sign-in-locked", "Too many wrong passwords"),
    exceptions.Throttled: ("throttled", "Too many requests"),
}


def type_of(kind: str) -> str:
    """The `type` of a kind of problem."""
    return f"/problems/{kind}"


def status_of(kind: str) -> int:
    """The HTTP status of a kind of problem."""
    return _STATUSES.get(kind, 400)


def problem(kind: str, title: str, detail: str = "", **members: Any) -> dict[str, Any]:
    """A problem document's members."""
    document: dict[str, Any] = {"type": type_of(kind), "title": title, "status": status_of(kind)}
    return document | ({"detail": detail} if detail else {}) | members


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: what a view raised, as a problem document."""
    if isinstance(error, Refused):
        return _refused(error)
    if isinstance(error, TooLong):
        return _response(problem("too-large", "The body is larger than 1 MB"))
    if isinstance(error, (PyMongoError, DatabaseError)):
        log.error("MongoDB is out of reach", error=repr(error)[:500])
        # It may mean "unknown": the client repeats with the same Idempotency-Key.
        document = problem("unavailable", "Try again", "the same request with the same Idempotency-Key is safe")
        return _response(document, {"Retry-After": "2"})
    if isinstance(error, RedisError):
        log.error("Redis is out of reach", error=repr(error)[:500])
        return _response(problem("unavailable", "Try again"), {"Retry-After": "2"})
    if isinstance(error, Erased):
        return _response(problem("forbidden", "Not allowed", "this account is closed"))
    if isinstance(error, Locked):
        log.error("a data key cannot be opened", error=str(error))
        return _response(problem("unavailable", "Try again"), {"Retry-After": "60"})
    response = drf_exception_handler(error, context)
    if response is None:
        return None
    kind, title = next((found for base, found in _KINDS.items() if isinstance(error, base)), ("error", "It failed"))
    if isinstance(error, exceptions.ValidationError):
        errors = [{"field": field, "detail": detail} for field, detail in _flat(error.detail)]
        document = problem(kind, title, errors=errors)
    else:
        detail = getattr(error, "detail", "")
        document = problem(kind, title, detail if isinstance(detail, str) else "")
        document["status"] = response.status_code  # of one that is of none of our kinds
    headers = {name: response[name] for name in ("WWW-Authenticate", "Retry-After", "Allow") if name in response}
    return _response(document, headers)


def _refused(error: Refused) -> Response:
    members = {"errors": [{"field": error.field, "detail": error.detail}]} if error.field else {}
    kind = error.code.replace("_", "-")
    return _response(problem(kind, error.code.replace("_", " ").capitalize(), error.detail, **members))


def _flat(detail: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """DRF's nested errors as pairs of a path as in the request ("items[0].sku") and a sentence."""
    if isinstance(detail, dict):
        for name, below in detail.items():
            if name == "non_field_errors":
                yield from _flat(below, path)
            elif isinstance(name, int):
                yield from _flat(below, f"{path}[{name}]")
            else:
                yield from _flat(below, f"{path}.{name}" if path else str(name))
    elif isinstance(detail, list):
        for index, below in enumerate(detail):
            yield from _flat(below, path if isinstance(below, str) else f"{path}[{index}]")
    else:
        yield path, str(detail)


def _response(document: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(document, status=document["status"], headers=headers, content_type=CONTENT_TYPE)


def _plain(document: dict[str, Any], headers: dict[str, str] | None = None) -> HttpResponse:
    data = msgspec.json.encode(document)
    return HttpResponse(data, status=document["status"], headers=headers, content_type=CONTENT_TYPE)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """For URLs that nothing serves."""
    return _plain(problem("not-found", "There is no such thing", f"nothing is served at {request.path}"))


def server_error(request: HttpRequest) -> HttpResponse:
    """For what should not happen: says nothing of the inside."""
    return _plain(problem("internal", "Something went wrong here; it is logged"))


class ProblemMiddleware:
    """Turns a database that is out of reach, anywhere below, into a 503 instead of a 500."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, (PyMongoError, DatabaseError)):
            log.error("MongoDB is out of reach", error=repr(error)[:500])
            return _plain(problem("unavailable", "Try again"), {"Retry-After": "2"})
        return None
