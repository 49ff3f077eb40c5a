"""What the carrier tells by itself: taken once, from the carrier alone, about parcels that it was asked for."""

import hashlib
import hmac
import time
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.test import Client

from ecommerce import storage
from ecommerce.http.parsing import MOST_BYTES
from ecommerce.registry import engine
from payments.events import PaymentAuthorized
from shipping import tasks
from shipping.messages import CarrierAccepted
from shipping.models import Shipment
from shipping.webhook import TOLERANCE
from tests.integration.consuming import AT, created, envelope_of
from tests.integration.people import everything_in, problem_of

pytestmark = pytest.mark.usefixtures("databases")
ACCEPTED = {"order": "o1", "status": "accepted", "trackingNumber": "SBX1"}
REFUSED = {"order": "o1", "status": "refused", "reason": "ADDRESS_REFUSED"}
DELIVERED = {"order": "o1", "status": "delivered", "trackingNumber": "SBX1", "deliveredAt": "2026-01-01T00:00:00Z"}


def known(order_id: str = "o1") -> None:
    engine("shipping").execute(created(order_id), id=envelope_of(created(order_id)).event_id, at=AT)


def asked(order_id: str = "o1") -> None:
    """Brings an order to where shipping asks the carrier."""
    known(order_id)
    paid = PaymentAuthorized(order_id=order_id, amount=100, currency="USD")
    engine("shipping").execute(paid, id=envelope_of(paid).event_id, at=AT)


def v1(body: bytes, at: int, secret: str = settings.CARRIER_WEBHOOK_SECRET) -> str:
    return "v1=" + hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def post(body: bytes, signature: str | None, *, type: str = "application/json") -> Any:
    headers = {} if signature is None else {"carrier-signature": signature}
    return Client().generic("POST", "/api/v1/webhooks/carrier", body, content_type=type, headers=headers)


def tell(notice: Any) -> Any:
    """The answer to what the carrier signed just now."""
    body, at = msgspec.json.encode(notice), int(time.time())
    return post(body, f"t={at},{v1(body, at)}")


def history(order_id: str = "o1") -> list[str]:
    return [entry["type"] for entry in storage.history(engine("shipping").database, order_id)]


ASKED = ["OrderCreated", "PaymentAuthorized", "ShipmentCreated"]


@pytest.mark.parametrize(
    ("notices", "then", "status"),
    [
        ([ACCEPTED], ["CarrierAccepted", "OrderShipped"], "SHIPPED"),
        ([REFUSED], ["CarrierRefused", "ShippingFailed"], "FAILED"),
        (
            [ACCEPTED, DELIVERED],
            ["CarrierAccepted", "OrderShipped", "CarrierDelivered", "ShipmentDelivered"],
            "DELIVERED",
        ),
        (
            [DELIVERED, ACCEPTED],
            ["CarrierDelivered", "CarrierAccepted", "OrderShipped", "ShipmentDelivered"],
            "DELIVERED",
        ),
    ],
)
def test_a_notice_is_taken_once_however_often_it_comes(
    notices: list[dict[str, str]], then: list[str], status: str
) -> None:
    asked()
    assert [tell(notice).status_code for notice in notices * 3] == [202] * 3 * len(notices)
    assert history() == ASKED + then
    assert Shipment.objects.get(pk="o1").status == status


def test_a_notice_and_the_answer_to_the_task_are_one() -> None:
    asked()
    tasks.take([CarrierAccepted(order_id="o1", tracking_number="SBX1")])
    before = everything_in("shipping")
    assert tell(ACCEPTED).status_code == 202
    assert everything_in("shipping") == before


@pytest.mark.parametrize("notice", [ACCEPTED, REFUSED, DELIVERED])
def test_what_is_told_before_the_carrier_was_asked_does_not_use_up_the_answer(notice: dict[str, str]) -> None:
    before = everything_in("shipping")
    assert tell(notice).status_code == 202
    assert everything_in("shipping") == before
    known()
    before = everything_in("shipping")
    assert tell(notice).status_code == 202
    assert everything_in("shipping") == before
    asked()
    tasks.take([CarrierAccepted(order_id="o1", tracking_number="SBX1")])
    assert history() == [*ASKED, "CarrierAccepted", "OrderShipped"]


def test_a_status_of_no_interest_changes_nothing() -> None:
    asked()
    before = everything_in("shipping")
    assert tell({"order": "o1", "status": "in_transit", "place": {"city": "Bristol"}}).status_code == 202
    assert everything_in("shipping") == before


FORGED: dict[str, Any] = {
    "no header": lambda body, at: None,
    "empty": lambda body, at: "",
    "no time": lambda body, at: v1(body, at),
    "no v1": lambda body, at: f"t={at}",
    "another secret": lambda body, at: f"t={at},{v1(body, at, 'a secret of somebody else')}",
    "another body": lambda body, at: f"t={at},{v1(body + b' ', at)}",
    "another time": lambda body, at: f"t={at},{v1(body, at - 1)}",
    "two times": lambda body, at: f"t={at},t={at - 1},{v1(body, at)}",
    "no number": lambda body, at: f"t=٣,{v1(body, at)}",
    "too old": lambda body, at: f"t={at - TOLERANCE - 60},{v1(body, at - TOLERANCE - 60)}",
    "ahead of time": lambda body, at: f"t={at + TOLERANCE + 60},{v1(body, at + TOLERANCE + 60)}",
    "another scheme": lambda body, at: f"t={at},{v1(body, at).replace('v1', 'v0')}",
    "cut short": lambda body, at: f"t={at},{v1(body, at)[:-1]}",
}


@pytest.mark.parametrize("sign", FORGED.values(), ids=FORGED.keys())
def test_what_is_not_signed_by_the_carrier_just_now_is_refused(sign: Any) -> None:
    asked()
    before = everything_in("shipping")
    body = msgspec.json.encode(ACCEPTED)
    answer = post(body, sign(body, int(time.time())))
    assert problem_of(answer) == (401, "/problems/unauthenticated", [])
    assert answer["WWW-Authenticate"] == "Carrier-Signature"
    assert everything_in("shipping") == before


def test_while_the_secret_changes_one_signature_that_fits_is_enough() -> None:
    asked()
    body, at = msgspec.json.encode(ACCEPTED), int(time.time())
    assert post(body, f"t={at},{v1(body, at, 'the next secret')}, {v1(body, at)},v9=x").status_code == 202
    assert history() == [*ASKED, "CarrierAccepted", "OrderShipped"]


def test_a_clock_that_is_off_by_minutes_is_borne() -> None:
    asked()
    body, at = msgspec.json.encode(ACCEPTED), int(time.time()) - TOLERANCE + 60
    assert post(body, f"t={at},{v1(body, at)}").status_code == 202


@pytest.mark.parametrize(
    "notice",
    [
        [],
        {"status": "accepted"},
        {"order": "o1"},
        {"order": {"$ne": ""}, "status": "delivered"},
        {"order": "o1", "status": "accepted"},
        {"order": "o1", "status": "accepted", "trackingNumber": ""},
        {"order": "o1", "status": "accepted", "trackingNumber": "9" * 101},
        {"order": "o1", "status": "refused"},
    ],
)
def test_a_signed_notice_that_cannot_be_understood_is_a_bad_request(notice: Any) -> None:
    asked()
    before = everything_in("shipping")
    assert problem_of(tell(notice)) == (400, "/problems/malformed", [])
    assert everything_in("shipping") == before


def test_a_body_is_read_up_to_the_limit_and_refused_one_byte_above() -> None:
    asked()
    body, at = msgspec.json.encode(ACCEPTED).ljust(MOST_BYTES), int(time.time())
    longer = body + b" "
    assert problem_of(post(longer, f"t={at},{v1(longer, at)}")) == (413, "/problems/too-large", [])
    assert post(body, f"t={at},{v1(body, at)}").status_code == 202


def test_an_empty_body_and_one_that_is_no_json_are_refused() -> None:
    at, junk = int(time.time()), b"\xff"
    assert problem_of(post(b"", f"t={at},{v1(b'', at)}"))[0] == 400
    assert problem_of(post(junk, f"t={at},{v1(junk, at)}"))[0] == 400
    assert problem_of(post(b"a=1", f"t={at},{v1(b'a=1', at)}", type="application/x-www-form-urlencoded"))[0] == 415
