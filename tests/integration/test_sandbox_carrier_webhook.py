"""The sandbox carrier, a real process, tells by itself: to the webhook of this process, over HTTP."""

import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.test import Client

from ecommerce.outside import Outside
from shipping.carrier import Book, Deliver, SandboxCarrier
from shipping.models import Shipment
from tests.integration.test_carrier_webhook import ASKED, asked, history
from tests.integration.test_sandbox_carrier import ADDRESS, NOWHERE, book
from tests.sandbox import Sandbox
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("databases")
PATH = "/api/v1/webhooks/carrier"


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # fewer, and those who come at once wait a second for each other


class Shop:
    """Serves the webhook on a port; while it is `away` everything is answered with a 503."""

    def __init__(self) -> None:
        self.away = False
        self.heard: list[tuple[Any, int]] = []  # every notice, with the status that it was answered with
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}{PATH}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = 503 if shop.away else self._taken(body)
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()
                shop.heard.append((msgspec.json.decode(body), status))

            def _taken(self, body: bytes) -> int:
                headers = {"carrier-signature": self.headers["carrier-signature"]}
                type = self.headers["content-type"]
                return int(Client().generic("POST", PATH, body, content_type=type, headers=headers).status_code)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.close()


@pytest.fixture
def sandbox(shop: Shop, tmp_path: Path) -> Iterator[Sandbox]:
    env = {"CARRIER_WEBHOOK_SECRET": settings.CARRIER_WEBHOOK_SECRET}
    with Sandbox("carrier", tmp_path, "--webhook", shop.url, env=env) as running:
        yield running


@pytest.fixture
def carrier(sandbox: Sandbox) -> SandboxCarrier:
    return SandboxCarrier(Outside("carrier", sandbox.url, timeout=2, attempts=1))


def status(order: str) -> str:
    return Shipment.objects.get(pk=order).status


def test_a_parcel_that_is_delivered_is_told_of(shop: Shop, carrier: SandboxCarrier) -> None:
    asked()
    assert book(carrier, "o1").tracking_number
    carrier.deliver([Deliver(order="o1"), Deliver(order="not booked")])
    until("the notice", lambda: len(shop.heard) == 1)
    (((told, answered),),) = [shop.heard]
    assert (told["order"], told["status"], answered) == ("o1", "delivered", 202)
    assert history() == [*ASKED, "CarrierDelivered"]  # that it was accepted was answered, and is not told


@pytest.mark.parametrize(("address", "becomes"), [(ADDRESS, "SHIPPED"), (NOWHERE, "FAILED")])
def test_a_booking_whose_answer_hangs_is_told_of(
    shop: Shop, sandbox: Sandbox, carrier: SandboxCarrier, address: Any, becomes: str
) -> None:
    asked()
    sandbox.http.post("/faults", json={"hang_seconds": 600, "moment": "after"})
    assert "ReadTimeout" in book(carrier, "o1", address).detail
    until("the carrier's own word", lambda: status("o1") == becomes)


def test_what_was_not_acknowledged_is_told_after_a_kill(shop: Shop, sandbox: Sandbox, carrier: SandboxCarrier) -> None:
    asked()
    book(carrier, "o1")
    shop.away = True
    carrier.deliver([Deliver(order="o1")])
    until("attempts", lambda: len(shop.heard) >= 2)
    sandbox.stop(signal.SIGKILL)
    shop.away = False
    before = len(shop.heard)
    sandbox.start()
    until("the notice", lambda: len(shop.heard) > before)
    assert [answered for _, answered in shop.heard[before:]] == [202]
    assert history() == [*ASKED, "CarrierDelivered"]


def test_what_was_acknowledged_is_told_no_more(shop: Shop, sandbox: Sandbox, carrier: SandboxCarrier) -> None:
    for order in ("o1", "o2"):
        asked(order)
        book(carrier, order)
    carrier.deliver([Deliver(order="o1")])
    until("the first notice", lambda: len(shop.heard) == 1)
    sandbox.stop()
    sandbox.start()
    carrier.deliver([Deliver(order="o2")])
    until("the second notice", lambda: len(shop.heard) == 2)
    assert [told["order"] for told, _ in shop.heard] == ["o1", "o2"]


def test_one_that_is_never_acknowledged_does_not_keep_others_from_being_told(
    shop: Shop, sandbox: Sandbox, carrier: SandboxCarrier
) -> None:
    shop.away = True
    orders = [f"o{number}" for number in range(120)]
    carrier.book([Book(order=order, address=ADDRESS) for order in orders])
    carrier.deliver([Deliver(order=order) for order in orders])
    until("all to be tried", lambda: {told["order"] for told, _ in shop.heard} == set(orders))


def test_without_the_secret_it_does_not_start(shop: Shop, tmp_path: Path) -> None:
    sandbox = Sandbox("carrier", tmp_path, "--webhook", shop.url, env={"CARRIER_WEBHOOK_SECRET": ""})
    with pytest.raises(AssertionError, match="ended with 2"):
        sandbox.start()
