"""Orders taken through the real engines by hand: what the tests of the audit look at, and break."""

from collections.abc import Callable, Iterator
from copy import copy
from functools import partial
from typing import Any

from ecommerce import identity, outbox, storage
from ecommerce.engine import Engine
from ecommerce.environment import SERVICES
from ecommerce.inputs import Position, Source
from ecommerce.messages import Message
from ecommerce.reading import read_bytes
from ecommerce.registry import engine
from inventory.messages import AdjustStock, PutProduct
from orders.events import CancelledBy, Sealed
from orders.messages import CancelOrder, PlaceOrder, RequestedItem
from payments.messages import ChargeAuthorized, ChargeCaptured, ChargeDeclined, ChargeRefunded, ChargeVoided
from shipping.messages import CarrierAccepted, CarrierRefused
from tests.sandbox import Sandbox

AGGREGATES = {"orders": "orders", "inventory": "reservations", "payments": "payments", "shipping": "shipments"}
PRICE = 100
ADDRESS = {"name": "A", "line1": "B", "city": "C", "postalCode": "1", "country": "DE"}

_charged = {
    "AUTHORIZE": lambda order, amount: ChargeAuthorized(order_id=order, charge_id=f"ch-{order}", amount=amount),
    "CAPTURE": lambda order, _: ChargeCaptured(order_id=order),
    "VOID": lambda order, amount: ChargeVoided(order_id=order, amount=amount),
    "REFUND": lambda order, _: ChargeRefunded(order_id=order),
}
_ENDPOINTS = {"AUTHORIZE": "authorize", "CAPTURE": "capture", "VOID": "void", "REFUND": "refund"}


class Saga:
    """The four engines, with a bus between them in place of Kafka, and the parties' answers.

    `declined` and `refused` are the orders whose card or parcel nobody takes. Where there is a sandbox gateway or
    carrier, its ledger records what is asked of it.
    """

    def __init__(self, *, gateway: Sandbox | None = None, carrier: Sandbox | None = None) -> None:
        self.engines: dict[str, Engine] = {name: engine(name) for name in SERVICES}
        self.declined: set[str] = set()
        self.refused: set[str] = set()
        self._gateway, self._carrier = gateway, carrier
        self._offsets: dict[str, int] = {}

    def twin(self) -> "Saga":
        """One that stands where this one does, and goes its own way."""
        twin = copy(self)
        twin.declined, twin.refused, twin._offsets = set(self.declined), set(self.refused), dict(self._offsets)
        return twin

    def stock(self, sku: str = "CUP", pieces: int = 100) -> None:
        self.engines["inventory"].execute(PutProduct(sku=sku, name=sku, price=PRICE, currency="USD"), id=f"put-{sku}")
        adjust = AdjustStock(sku=sku, delta=pieces, reason="came in", by="staff")
        self.engines["inventory"].execute(adjust, id=f"adjust-{sku}")
        self.settle()

    def place(self, order_id: str, quantity: int = 2, sku: str = "CUP") -> str:
        place = PlaceOrder(
            order_id=order_id,
            customer_id="alice",
            items=(RequestedItem(sku=sku, quantity=quantity),),
            sealed=Sealed(key_id="k", address="a", payment_token="t"),
            fingerprint="f",
        )
        self.engines["orders"].execute(place, id=f"place-{order_id}")
        return order_id

    def cancel(self, order_id: str) -> None:
        command = CancelOrder(order_id=order_id, by=CancelledBy.CUSTOMER)
        self.engines["orders"].execute(command, id=f"cancel-{order_id}")

    def settle(self) -> None:
        """Delivers and answers until nothing happens any more."""
        while self.deliver() or self.answer():
            pass

    def deliver(self) -> int:
        """Takes what lies in the outboxes to everybody who takes it. Gives the number of messages."""
        messages = [message for name in SERVICES for message in self._take_outbox(self.engines[name].database)]
        for message in messages:
            offset = self._offsets[message["topic"]] = self._offsets.get(message["topic"], -1) + 1
            self.hand_over(message, partition=0, offset=offset)
        return len(messages)

    def hand_over(self, message: dict[str, Any], *, partition: int, offset: int) -> None:
        """Gives a message on a topic to every service that takes it, as its consumer would."""
        headers = [(name, value) for name, value in message["headers"]]
        key, topic = message["key"].encode(), message["topic"]
        source = Source(topic=topic, partition=partition, offset=offset, key=key, headers=headers)
        for each in self.engines.values():
            if topic in each.service.topics:
                given = read_bytes(each.service, message["value"], source)
                each.take([given] if given else [], {Position(topic, partition): offset + 1})

    def answer(self) -> int:
        """Lets the gateway and the carrier answer what they are asked. Gives the number of answers."""
        answers = [*self._payments(), *self._shipments()]
        for answer in answers:
            answer()
        return len(answers)

    def _take_outbox(self, database: Any) -> Iterator[dict[str, Any]]:
        for document in list(database[outbox.COLLECTION].find(sort=[("_id", 1)])):
            yield from document["messages"]
            database[outbox.COLLECTION].delete_one({"_id": document["_id"]})

    def _payments(self) -> Iterator[Callable[[], object]]:
        payments = self.engines["payments"]
        for each in list(payments.database["payments"].find({"pending": {"$ne": ""}})):
            order, pending = each["_id"], each["pending"]
            if pending == "AUTHORIZE" and order in self.declined:
                message: Message = ChargeDeclined(order_id=order, reason="CARD_DECLINED")
            else:
                message = _charged[pending](order, each["amount"])
                self._charge(pending, order, each["amount"])
            yield self._answering(payments, order, pending, message)

    def _shipments(self) -> Iterator[Callable[[], object]]:
        shipping = self.engines["shipping"]
        for each in list(shipping.database["shipments"].find({"pending": {"$ne": ""}})):
            order = each["_id"]
            if order in self.refused:
                message: Message = CarrierRefused(order_id=order, reason="ADDRESS_REFUSED")
            else:
                message = CarrierAccepted(order_id=order, tracking_number=f"T-{order}")
            if self._carrier:
                address = ADDRESS | ({"postalCode": "00000"} if order in self.refused else {})
                self._carrier.ask("book", {"order": order, "address": address})
            yield self._answering(shipping, order, "BOOK", message)

    def _answering(self, asked: Engine, order: str, pending: str, message: Message) -> Callable[[], object]:
        id = identity.derived_id("answer", order, pending, type(message).__name__)
        return partial(asked.execute, message, id=id)

    def _charge(self, pending: str, order: str, amount: int) -> None:
        if self._gateway:
            details = {"amount": amount, "currency": "USD", "token": "tok_visa"} if pending == "AUTHORIZE" else {}
            self._gateway.ask(_ENDPOINTS[pending], {"order": order, **details})

    # Looking and breaking

    def log(self, service: str) -> Any:
        return self.engines[service].database[storage.EVENTS]

    def aggregates(self, service: str) -> Any:
        return self.engines[service].database[AGGREGATES[service]]

    def entry(self, service: str, order: str, type: str) -> dict[str, Any]:
        """The only entry of a type in an order's log."""
        (found,) = [each for each in storage.history(self.engines[service].database, order) if each["type"] == type]
        return found


def make_old(saga: Saga, *, but: str = "") -> None:
    """Puts all that has happened two hours back, except to one order."""
    where = {"_id": {"$not": {"$regex": f"^{but}:"}}}
    for service in SERVICES:
        saga.log(service).update_many(where, [{"$set": {"taken_at": {"$subtract": ["$taken_at", 7_200_000]}}}])
