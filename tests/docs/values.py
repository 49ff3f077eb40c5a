"""What stands for the placeholders of the documents, made as it is asked for."""

import json
import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx
from confluent_kafka import Producer
from pymongo import MongoClient

from ecommerce.deadletters.letters import COLLECTION, OPEN
from tests.docs.documents import PLACEHOLDER
from tests.docs.shell import Copy
from tests.waiting import until

PASSWORD = "a-long-way-from-common"
_TYPE, _TOPIC = "ShipmentDelivered", "shipping.events"  # which orders alone takes


class Values:
    """The values in a copy whose demo has run."""

    def __init__(self, copy: Copy) -> None:
        self._copy = copy
        self._orders: Any = MongoClient(copy.env["MONGO_URI"])["orders"]

    def in_place(self, text: str) -> str:
        """The text with its placeholders replaced."""
        return PLACEHOLDER.sub(lambda found: getattr(self, f"_{found[1]}")(), text)

    def _order(self) -> str:
        """One that has been delivered."""
        return str(self._orders["orders"].find_one({"status": "DELIVERED"})["_id"])

    def _customer(self) -> str:
        """A new one, to be erased."""
        name = f"reader-{uuid4()}"
        account = {"username": name, "password": PASSWORD}
        url = f"http://127.0.0.1:{self._copy.ports[3000]}/api/v1/auth/register"
        assert httpx.post(url, json=account, trust_env=False).status_code == 201
        return name

    def _letter(self) -> str:
        """The one that is open, or a new one: a second notice of a delivery, which could not be read and now can."""
        letter = self._open() or self._spoilt()
        return f"orders:{letter['_id']}"

    def _open(self) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = self._orders[COLLECTION].find_one({"status": {"$in": list(OPEN)}})
        return found

    def _spoilt(self) -> Mapping[str, Any]:
        order = self._order()
        producer = Producer({"bootstrap.servers": self._copy.env["KAFKA_BROKERS"], "log_level": 2})
        producer.produce(_TOPIC, key=order, value=b"no event", headers={"event-type": _TYPE})
        assert producer.flush(20) == 0
        until("the dead letter", lambda: self._open() is not None)
        letter = self._open()
        assert letter
        entry = self._orders["events"].find_one({"_id": {"$regex": f"^{re.escape(order)}:"}, "type": _TYPE})
        mended = {"$set": {"value": entry["data"]}}
        self._orders[COLLECTION].update_one({"_id": letter["_id"]}, mended)
        (self._copy.folder / "mended.json").write_bytes(json.dumps(json.loads(entry["data"])).encode())
        return letter
