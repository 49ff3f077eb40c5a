"""No password, token, header or card is in any log line: of the project, its libraries or an accident."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.conf import settings
from django.test import Client
from django.urls import reverse

from ecommerce.platform.models import User
from orders.models import Order
from tests.integration.people import ORDER as GOOD_ORDER
from tests.integration.people import ORDERS, PASSWORD, Person, customer, sign_in

CARD = "tok_of_the_card_that_nobody_sees"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What all loggers would write to stdout, from the level DEBUG on."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(next(each for each in _configured()))
    root = logging.getLogger()
    before = {logger: logger.level for logger in (root, logging.getLogger("django.request"))}
    root.addHandler(handler)
    for logger in before:
        logger.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    for logger, level in before.items():
        logger.setLevel(level)


def _configured() -> Iterator[logging.Formatter]:
    config = logging.config.DictConfigurator({"version": 1})
    yield config.configure_formatter(dict(settings.LOGGING["formatters"]["json"]))


def test_what_people_send_and_get_is_in_no_line(
    alice: Person, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoe = customer("zoe-of-the-logs")
    access, refresh = sign_in(zoe.name)
    Person().post("/api/v1/auth/token", {"username": zoe.name, "password": "a-wrong-password"})
    Person().send("POST", "/api/v1/auth/token", b'{"username": "x", "password": "half-a-password')
    Person().post("/api/v1/auth/token/refresh", {"refresh": refresh})
    Person().post("/api/v1/auth/token/refresh", {"refresh": refresh})
    Person(access=access + "x").get(ORDERS)
    order = zoe.order(paymentMethod=CARD)
    zoe.post(ORDERS, GOOD_ORDER | {"paymentMethod": CARD, "colour": "red"})
    Client().post(reverse("admin:login"), {"username": zoe.name, "password": PASSWORD})
    monkeypatch.setattr("orders.selectors.order", lambda _: 1 / 0)  # the line with the traceback
    broken = Client(raise_request_exception=False)
    assert Person(zoe.name, access, broken).get(f"{ORDERS}/{order}").status_code == 500
    monkeypatch.undo()
    assert "ZeroDivisionError" in lines.getvalue()
    hashed = User.objects.get(username=zoe.name).password
    secrets = [PASSWORD, "a-wrong-password", "half-a-password", access, refresh, CARD, hashed, settings.SECRET_KEY]
    secrets += [access.rpartition(".")[2], refresh.rpartition(".")[2], settings.ENV.JWT_SECRET]
    secrets += [Order.objects.get(pk=order).sealed["address"]]
    assert [secret for secret in secrets if secret in lines.getvalue()] == []


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
SLIPS: dict[str, dict[str, Any]] = {
    "a field called password": {"password": "hunter2-hunter2"},
    "a header in a dict": {"request": {"headers": {"Authorization": "hunter2-hunter2"}}},
    "a token in a text": {"error": f"could not read {JWT} of the request"},
    "a header in a text": {"error": "sent Authorization: Bearer hunter2-hunter2"},
    "a card in a list": {"tried": ["tok_hunter2", {"payment_token": "hunter2-hunter2"}]},
    "a password in a URL": {"error": "no answer from rediss://shop:hunter2%40@127.0.0.1:6379/0?ssl_cert_reqs=required"},
    "a key of Stripe's": {"error": "No such key: sk_live_hunter2"},
}


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS.keys())
def test_a_secret_that_slips_into_a_line_is_hidden(lines: io.StringIO, slip: dict[str, Any]) -> None:
    structlog.get_logger("slips").warning("something went wrong", order="019c13ec", **slip)
    said = lines.getvalue()
    assert "something went wrong" in said
    assert "019c13ec" in said
    assert "[hidden]" in said
    assert ("hunter2" in said, JWT in said) == (False, False)
