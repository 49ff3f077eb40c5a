"""HTTP around a party's operations: batches in, an answer per operation out; faults on demand; the ledger to read.

POST /<operation>  {"operations": [...], "wait": 0.2}  -> {"results": [{"order", "status", ...}]}, in the same order
GET  /ledger?after=0&limit=1000                        -> {"movements": [...], "next": 1000 | null}
GET  /ledger/<order>                                   -> {"movements": [...]}
GET  /faults, POST /faults {"hang_seconds", "error_rate", "latency_ms", "moment"}
GET  /healthz
"""

import argparse
import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable, Container, MutableMapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import parse_qsl

import msgspec
import uvicorn

from deploy.sandbox.ledger import Ledger
from deploy.sandbox.webhooks import Webhooks

MAX_OPERATIONS = 500
MAX_BODY = 1_000_000
MAX_PAGE = 1000

PENDING = "pending"  # the operation hangs: its outcome is not known yet
UNAVAILABLE = "unavailable"  # a transient failure of this one operation: it may be tried again

OrderId = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Message = MutableMapping[str, Any]
Reply = tuple[int, Any]


class Operation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """One thing that a client asks for; the order and the endpoint together are its idempotency key."""

    order: OrderId


class Result(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What became of one operation."""

    order: str
    status: str
    reason: str | None = None


class Endpoint(NamedTuple):
    """An operation as served: what a client sends, and what is done with it and the ledger."""

    takes: type[Operation]
    perform: Callable[[Ledger, Any], Result]
    tells: Container[str] = ()  # results with these statuses are also sent to the webhook
    tells_late: Container[str] = ()  # these are, where the answer hangs when all is done


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the party misbehaves as a whole; "after" strikes when the work is done and only the answer is missing."""

    hang_seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0
    error_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0
    latency_ms: Annotated[float, msgspec.Meta(ge=0, le=60_000)] = 0
    moment: Literal["before", "after"] = "before"


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of the ledger is asked for."""

    after: Annotated[int, msgspec.Meta(ge=0, le=2**62)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE)] = MAX_PAGE


class Problem(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def _batch_decoder(takes: type[Operation]) -> msgspec.json.Decoder[Any]:
    length = msgspec.Meta(min_length=1, max_length=MAX_OPERATIONS)
    wait = msgspec.Meta(ge=0, le=60)
    operations: Any = Annotated[list[takes], length]  # type: ignore[valid-type]
    fields: list[Any] = [("operations", operations), ("wait", Annotated[float, wait], 0.2)]
    return msgspec.json.Decoder(msgspec.defstruct("Batch", fields, forbid_unknown_fields=True))


class Party:
    """The ASGI application of one outside party."""

    def __init__(self, *, endpoints: dict[str, Endpoint], ledger: Ledger, webhooks: Webhooks | None = None) -> None:
        self._endpoints = {f"/{name}": endpoint for name, endpoint in endpoints.items()}
        self._decoders = {f"/{name}": _batch_decoder(endpoint.takes) for name, endpoint in endpoints.items()}
        self._ledger = ledger
        self._webhooks = webhooks
        self._faults = Faults()

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Any) -> None:
        """Answers one request (ASGI 3)."""
        try:
            status, content = await self._answer(scope, await _body(receive))
        except Problem as problem:
            status = problem.status
            content = {"type": "about:blank", "status": status, "title": "Problem", "detail": problem.detail}
        kind = b"application/json" if status < 400 else b"application/problem+json"
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": msgspec.json.encode(content)})

    async def _answer(self, scope: Message, body: bytes) -> Reply:
        path = scope["path"]
        match scope["method"], path:
            case "POST", _ if path in self._endpoints:
                return await self._perform_all(path, body)
            case "GET", "/ledger":
                return 200, await self._page(scope["query_string"])
            case "GET", _ if path.startswith("/ledger/"):
                order = path.removeprefix("/ledger/")
                return 200, {"movements": await self._ledger.write(lambda: self._ledger.movements_of(order))}
            case "POST", "/faults":
                self._faults = _decode(msgspec.json.Decoder(Faults), body)
                return 200, self._faults
            case "GET", "/faults":
                return 200, self._faults
            case "GET", "/healthz":
                return 200, {"status": "ok"}
        raise Problem(404, f"no such call: {scope['method']} {path}")

    async def _perform_all(self, path: str, body: bytes) -> Reply:
        batch = _decode(self._decoders[path], body)
        endpoint, faults = self._endpoints[path], self._faults
        late = faults.moment == "after" and faults.hang_seconds > 0
        told = endpoint.tells_late if late else endpoint.tells

        def perform() -> list[Result]:
            results = [endpoint.perform(self._ledger, operation) for operation in batch.operations]
            for result in results:
                if self._webhooks and result.status in told:
                    self._webhooks.notify(result.order, result.status, result)
            return results

        if faults.moment == "before":
            await _strike(faults)
        results = await self._ledger.write(perform)
        if faults.moment == "after":
            await _strike(faults)
        if any(result.status == PENDING for result in results):
            await asyncio.sleep(batch.wait)
        return 200, {"results": results}

    async def _page(self, query: bytes) -> dict[str, Any]:
        try:
            page = msgspec.convert(dict(parse_qsl(query.decode("latin-1"))), Page, strict=False)
        except msgspec.ValidationError as error:
            raise Problem(400, str(error)) from error
        movements = await self._ledger.write(lambda: self._ledger.movements(after=page.after, limit=page.limit))
        return {"movements": movements, "next": movements[-1].seq if len(movements) == page.limit else None}


async def _strike(faults: Faults) -> None:
    await asyncio.sleep(faults.hang_seconds + faults.latency_ms / 1000)
    if random.random() < faults.error_rate:
        raise Problem(503, "the sandbox was told to fail")


async def _body(receive: Callable[[], Awaitable[Message]]) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY:
            raise Problem(413, f"a request has at most {MAX_BODY} bytes")
    return body


def _decode(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, str(error)) from error


def serve(name: str, *, port: int, endpoints: dict[str, Endpoint], webhook_secret: str | None = None) -> None:
    """Runs a party until SIGTERM or SIGINT: the whole of its command line.

    `webhook_secret` names the environment's variable that holds the secret, for a party that has webhooks.
    """
    parser = argparse.ArgumentParser(prog=f"python -m deploy.sandbox.{name}", description=f"The sandbox {name}.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=port)
    parser.add_argument("--ledger", type=Path, default=Path("var") / name / "ledger.db")
    if webhook_secret:
        parser.add_argument("--webhook", metavar="URL", help=f"send notices there, signed with {webhook_secret}")
    told = parser.parse_args()
    url, secret = getattr(told, "webhook", None), os.environ.get(webhook_secret or "", "")
    if url and not secret:
        parser.error(f"--webhook needs {webhook_secret} in the environment")
    # uvicorn raises the signal again when it has stopped; to have stopped as told is a success.
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)
    ledger = Ledger(told.ledger)
    webhooks = Webhooks(ledger=ledger, url=url, secret=secret) if url else None
    app = Party(endpoints=endpoints, ledger=ledger, webhooks=webhooks)
    # A hanging call is cut off at the stop: it would hold the process up.
    config = uvicorn.Config(
        app, host=told.host, port=told.port, lifespan="off", ws="none", access_log=False, log_level="warning",
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_run(uvicorn.Server(config), webhooks))
    ledger.close()


async def _run(server: uvicorn.Server, webhooks: Webhooks | None) -> None:
    telling = asyncio.create_task(webhooks.run()) if webhooks else None
    await server.serve()
    if telling:
        telling.cancel()
