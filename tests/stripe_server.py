"""An HTTP server that behaves as Stripe's API does with PaymentIntents, and fails as it is told; state and all.

What `stripe-mock` cannot do: it remembers intents and idempotency keys, declines cards, and hangs.

    with StripeServer() as stripe:
        stripe.fail("/confirm", hang_after)   # the next request whose path ends so
"""

import itertools
import json
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

DECLINED = {"pm_poor": "insufficient_funds", "pm_declined": "generic_decline", "pm_3ds": "authentication_required"}


class Asked(NamedTuple):
    """A request as it came in."""

    method: str
    path: str
    key: str | None
    form: dict[str, str]


class Problem(Exception):
    """An error as Stripe answers it. `remembered` under the request's key: not what fails validation."""

    def __init__(self, status: int, *, remembered: bool = True, **error: Any) -> None:
        super().__init__(status, error)
        self.status = status
        self.remembered = remembered
        self.error = {"message": "Stripe's own sentence, which may quote pm_secret", **error}


class Says(NamedTuple):
    """Does nothing but answer so."""

    status: int
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b"{}"


def hang_after(server: "StripeServer", work: Callable[[], object], connection: socket.socket) -> None:
    """Does the work, and does not answer."""
    work()
    server.left.wait(60)


def hang_before(server: "StripeServer", work: Callable[[], object], connection: socket.socket) -> None:
    """Does not answer, and does no work: that waits in `late`, as a request that is still on its way."""
    server.late.append(work)
    server.left.wait(60)


def drop_after(server: "StripeServer", work: Callable[[], object], connection: socket.socket) -> None:
    """Does the work, and breaks the connection."""
    work()
    connection.shutdown(socket.SHUT_RDWR)


Fault = Says | Callable[["StripeServer", Callable[[], object], socket.socket], None]


@dataclass
class StripeServer:
    """Listens on a free port of 127.0.0.1 inside the `with` block."""

    asked: list[Asked] = field(default_factory=list)
    intents: dict[str, dict[str, Any]] = field(default_factory=dict)
    indexed: set[str] = field(default_factory=set)  # what the search has heard of
    late: list[Callable[[], object]] = field(default_factory=list)  # what hung before any work: call it to have it done
    left: threading.Event = field(default_factory=threading.Event)
    capture_failures: int = 0
    refund_status: str = "succeeded"

    def __post_init__(self) -> None:
        self._faults: list[tuple[str, Fault]] = []
        self._remembered: dict[str, tuple[dict[str, str], int, bytes]] = {}
        self._refunds: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def fail(self, path: str, *faults: Fault) -> None:
        """The next requests whose path ends with `path` meet these, one each."""
        self._faults += [(path, fault) for fault in faults]

    def forget_keys(self) -> None:
        """As after a day."""
        self._remembered.clear()

    def cancel(self, id: str) -> None:
        """As by somebody at Stripe's dashboard."""
        self._cancel(self.intents[id], {})

    def keys(self, path: str) -> list[str | None]:
        """The idempotency keys of the requests whose path ends with `path`."""
        return [each.key for each in self.asked if each.path.endswith(path)]

    def statuses(self) -> list[str]:
        """Of all intents, the oldest first."""
        return [intent["status"] for intent in self.intents.values()]

    def fault(self, path: str) -> Fault | None:
        """What the request that just came in is to meet."""
        with self._lock:
            for index, (ending, fault) in enumerate(self._faults):
                if path.endswith(ending):
                    del self._faults[index]
                    return fault
        return None

    def answer(self, asked: Asked) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers."""
        with self._lock:
            if asked.key in self._remembered:
                form, status, body = self._remembered[asked.key]
                if form != asked.form:
                    return 400, _error(type="idempotency_error", message="other parameters"), {}
                return status, body, {"Idempotent-Replayed": "true"}
            try:
                status, body = 200, json.dumps(self._perform(asked)).encode()
            except Problem as problem:
                status, body = problem.status, _error(**problem.error)
                if not problem.remembered:
                    return status, body, {}
            if asked.key:
                self._remembered[asked.key] = asked.form, status, body
            return status, body, {}

    def _perform(self, asked: Asked) -> dict[str, Any]:
        match asked.method, asked.path.split("/")[2:]:
            case "POST", ["payment_intents"]:
                return self._create(asked.form)
            case "GET", ["payment_intents", "search"]:
                found = [self.intents[id] for id in self.indexed if f"'{self._order(id)}'" in asked.form["query"]]
                return {"object": "search_result", "data": found, "has_more": False, "url": asked.path}
            case "GET", ["payment_intents", id]:
                return self._intent(id)
            case "POST", ["payment_intents", id, step]:
                return getattr(self, f"_{step}")(self._intent(id), asked.form)  # type: ignore[no-any-return]
            case "POST", ["refunds"]:
                return self._refund(self._intent(asked.form["payment_intent"]))
            case "GET", ["refunds", id]:
                return self._refunds[id]
        raise Problem(404, type="invalid_request_error", code="resource_missing", remembered=False)

    def _order(self, id: str) -> Any:
        return self.intents[id]["metadata"]["order_id"]

    def _intent(self, id: str) -> dict[str, Any]:
        if id not in self.intents:
            raise Problem(404, type="invalid_request_error", code="resource_missing", param="intent", remembered=False)
        return self.intents[id]

    def _create(self, form: dict[str, str]) -> dict[str, Any]:
        assert form["capture_method"] == "manual"
        id = f"pi_{next(self._numbers)}"
        self.intents[id] = intent = {
            "id": id, "object": "payment_intent", "status": "requires_payment_method", "amount": int(form["amount"]),
            "amount_capturable": 0, "amount_received": 0, "currency": form["currency"], "latest_charge": None,
            "last_payment_error": None, "metadata": {"order_id": form["metadata[order_id]"]},
        }  # fmt: skip
        return intent

    def _confirm(self, intent: dict[str, Any], form: dict[str, str]) -> dict[str, Any]:
        _expect(intent, "requires_payment_method")
        token = form["payment_method"]
        if token in DECLINED:
            intent["latest_charge"] = self._charge(intent, "failed")
            code = "card_declined" if token != "pm_3ds" else DECLINED[token]
            intent["last_payment_error"] = {"code": code, "decline_code": DECLINED[token], "type": "card_error"}
            raise Problem(402, **intent["last_payment_error"], param="payment_method")
        if token != "pm_card_visa":
            error = {"type": "invalid_request_error", "code": "resource_missing", "param": "payment_method"}
            raise Problem(400, **error, remembered=False)
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        intent["latest_charge"] = self._charge(intent, "succeeded")
        return intent

    def _capture(self, intent: dict[str, Any], form: dict[str, str]) -> dict[str, Any]:
        _expect(intent, "requires_capture")
        if self.capture_failures:
            self.capture_failures -= 1
            raise Problem(402, type="card_error", code="card_declined", decline_code="expired_card")
        intent |= {"status": "succeeded", "amount_capturable": 0, "amount_received": intent["amount"]}
        return intent

    def _cancel(self, intent: dict[str, Any], form: dict[str, str]) -> dict[str, Any]:
        _expect(intent, "requires_payment_method", "requires_capture")
        intent |= {"status": "canceled", "amount_capturable": 0}
        return intent

    def _refund(self, intent: dict[str, Any]) -> dict[str, Any]:
        _expect(intent, "succeeded")
        if intent["latest_charge"]["refunded"]:
            raise Problem(400, type="invalid_request_error", code="charge_already_refunded")
        intent["latest_charge"]["refunded"] = True
        refund = {"object": "refund", "amount": intent["amount"], "status": self.refund_status}
        id = f"re_{next(self._numbers)}"
        self._refunds[id] = refund | {"id": id}
        return self._refunds[id]

    def _charge(self, intent: dict[str, Any], status: str) -> dict[str, Any]:
        id = f"ch_{next(self._numbers)}"
        return {"id": id, "object": "charge", "status": status, "amount": intent["amount"], "refunded": False}

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.left.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # many connections at once: one that finds no room waits a second


def _expect(intent: dict[str, Any], *statuses: str) -> None:
    if intent["status"] not in statuses:
        raise Problem(400, type="invalid_request_error", code="payment_intent_unexpected_state")


def _error(**error: Any) -> bytes:
    return json.dumps({"error": error}).encode()


def _handler(server: StripeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _take(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            form = {name: values[-1] for name, values in parse_qs(body or url.query).items()}
            asked = Asked(self.command, url.path, self.headers.get("idempotency-key"), form)
            server.asked.append(asked)
            fault = server.fault(asked.path)
            if fault is None:
                self._reply(*server.answer(asked))
            elif isinstance(fault, Says):
                self._reply(fault.status, fault.body, fault.headers)
            else:
                fault(server, lambda: server.answer(asked), self.connection)
                self.close_connection = True

        def do_GET(self) -> None:
            self._take()

        def do_POST(self) -> None:
            self._take()

        def _reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in (dict(headers) | {"content-length": str(len(body)), "request-id": "req_1"}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
