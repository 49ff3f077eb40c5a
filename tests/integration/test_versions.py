"""Several versions of an event side by side: what is on its way, what lies in logs, what was set aside."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from ecommerce import storage
from ecommerce.environment import SERVICES
from ecommerce.messages import decode
from ecommerce.rebuild import Fold
from ecommerce.registry import services
from payments.events import PaymentFailed
from tests.integration.saga import Saga

YESTERDAY, TODAY, TOMORROW = "1.0", PaymentFailed.version, "1.9"
VERSIONS = {f"of-{version}": version for version in (YESTERDAY, TODAY, TOMORROW)}


def as_of(version: str, data: bytes) -> bytes:
    """A PaymentFailed as the producer of that time writes it."""
    envelope = msgspec.json.decode(data)
    payload = {name: value for name, value in envelope["payload"].items() if name != "recoverable"}
    if version != YESTERDAY:
        payload["recoverable"] = envelope["payload"]["recoverable"]
    if version == TOMORROW:
        payload["network"] = "VISA"
    return msgspec.json.encode(envelope | {"version": version, "payload": payload})


class MixedSaga(Saga):
    """Its payments service is of as many versions as there are orders."""

    def _take_outbox(self, database: Any) -> Iterator[dict[str, Any]]:
        for message in super()._take_outbox(database):
            if b"PaymentFailed" in message["value"]:
                message = message | {"value": as_of(VERSIONS[message["key"]], message["value"])}
            yield message


@pytest.fixture
def saga(databases: None) -> MixedSaga:
    saga = MixedSaga()
    saga.stock()
    saga.declined = set(VERSIONS)
    for order_id in VERSIONS:
        saga.place(order_id)
    saga.settle()
    return saga


def rebuilt(saga: Saga) -> list[str]:
    return [
        str(difference)
        for service in services()
        for difference in Fold(service, saga.engines[service.name].database).differences()
    ]


def test_each_version_is_taken_and_kept_as_it_came(saga: MixedSaga) -> None:
    for order_id, version in VERSIONS.items():
        order = saga.engines["orders"].database["orders"].find_one({"_id": order_id})
        assert order is not None
        assert (order["status"], order["cancellation_reason"]) == ("CANCELLED", "PAYMENT_FAILED")
        entry = saga.entry("orders", order_id, "PaymentFailed")
        assert msgspec.json.decode(entry["data"])["version"] == version
        assert decode(entry["data"], PaymentFailed).payload == PaymentFailed(
            order_id=order_id, reason="CARD_DECLINED", recoverable=True
        )
    for service in SERVICES:
        assert saga.engines[service].database["dead_letters"].count_documents({}) == 0
    assert rebuilt(saga) == []


def test_an_old_log_of_its_own_is_read_as_today(saga: MixedSaga) -> None:
    for order_id in VERSIONS:
        entry = saga.entry("payments", order_id, "PaymentFailed")
        old = {"$set": {"data": as_of(YESTERDAY, entry["data"])}}
        saga.engines["payments"].database[storage.EVENTS].update_one({"_id": entry["_id"]}, old)
    assert rebuilt(saga) == []
