"""The demo's customers: every branch of the saga, through the public API alone."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
from confluent_kafka import OFFSET_BEGINNING, TopicPartition
from django.conf import settings

from ecommerce import kafka

PASSWORD = "demo-pass-1"
_ENDED = {"COMPLETED", "CANCELLED", "DELIVERED"}
_TOPICS = ("orders.events", "inventory.events", "payments.events", "shipping.events")


class UnexpectedAnswer(RuntimeError):
    """The API answered with another `status` than was expected; the message quotes it."""

    def __init__(self, what: str, response: httpx.Response) -> None:
        super().__init__(f"{what} answered {response.status_code}: {response.text[:500]}")
        self.status = response.status_code


class Shop:
    """A storefront and a back office on one API."""

    def __init__(self, url: str, *, patience: float = 30) -> None:
        self._client = httpx.Client(base_url=url, timeout=patience)
        self._tokens: dict[str, tuple[float, str]] = {}

    def call(self, method: str, path: str, *, user: str = "alice", body: Any = None, expect: int = 200) -> Any:
        """The JSON answer. Raises `UnexpectedAnswer` for another status than `expect`."""
        response = self.send(method, path, user=user, body=body)
        if response.status_code != expect:
            raise UnexpectedAnswer(f"{method} {path}", response)
        return response.json()

    def send(self, method: str, path: str, *, user: str, body: Any, **headers: str) -> httpx.Response:
        """The answer, whatever it says. `headers` are added to the user's token."""
        headers["Authorization"] = f"Bearer {self._token(user)}"
        return self._client.request(method, f"/api/v1/{path}", json=body, headers=headers)

    def drive(self, order_id: str) -> None:
        """The sandbox carrier's van hands over the parcel."""
        operations = {"operations": [{"order": order_id}]}
        httpx.post(f"{settings.CARRIER_URL}/deliveries", json=operations, trust_env=False).raise_for_status()

    def _token(self, user: str) -> str:
        until, token = self._tokens.get(user, (0.0, ""))
        if time.monotonic() >= until:
            answer = self._client.post("/api/v1/auth/token", json={"username": user, "password": PASSWORD})
            if answer.status_code != 200:
                raise UnexpectedAnswer(f"the sign-in of {user}", answer)
            token = answer.json()["access"]
            self._tokens[user] = (time.monotonic() + 120, token)
        return token


@dataclass(slots=True)
class Placed:
    """An order of the demo and what became of it."""

    branch: "Branch"
    order_id: str
    status: str = "PENDING"
    reason: str | None = None

    def look(self, shop: Shop) -> bool:
        """Whether it has ended."""
        if self.status not in _ENDED:
            order = shop.call("GET", f"orders/{self.order_id}", user="staff")
            self.status, self.reason = order["status"], order["cancellationReason"]
        return self.status in _ENDED

    def fate(self, shop: Shop) -> str:
        """Its status, the reason if it was cancelled, and a refund."""
        if self.status == "CANCELLED":
            return f"CANCELLED {self.reason}"
        payment = shop.call("GET", f"payments/{self.order_id}", user="staff")["status"]
        return self.status + (" REFUNDED" if payment == "REFUNDED" else "")


def _nothing(shop: Shop, placed: Placed) -> None:
    pass


@dataclass(frozen=True)
class Branch:
    """One way through the saga: what is ordered, what is done about it, and how that may end."""

    name: str
    orders: int
    expected: tuple[str, ...]
    token: str = "tok_visa"
    postal_code: str = "10115"
    quantity: int = 1
    sku: str = "SKU-001"
    then: Callable[[Shop, Placed], None] = field(default=_nothing)
    follow_up: Callable[[Shop, Placed], None] = field(default=_nothing)
    one_by_one: bool = False

    def place(self, shop: Shop) -> Iterator[Placed]:
        """Places the branch's orders."""
        for _ in range(self.orders):
            placed = Placed(self, shop.call("POST", "orders", body=self._body(), expect=201)["orderId"])
            self.then(shop, placed)
            while self.one_by_one and not placed.look(shop):
                time.sleep(0.02)
            yield placed

    def _body(self) -> dict[str, Any]:
        address = {"name": "Alice Demo", "line1": "1 Main Street", "city": "Berlin", "country": "DE"}
        return {
            "items": [{"sku": self.sku, "quantity": self.quantity}],
            "paymentMethod": self.token,
            "shippingAddress": address | {"postalCode": self.postal_code},
        }


def _cancel_as(user: str) -> Callable[[Shop, Placed], None]:
    def cancel(shop: Shop, placed: Placed) -> None:
        shop.call("POST", f"orders/{placed.order_id}/cancel", user=user, body={"reason": "changed my mind"}, expect=202)

    return cancel


def _refund(shop: Shop, placed: Placed) -> None:
    path = f"payments/{placed.order_id}"
    shop.call("POST", f"{path}/refund", user="staff", body={"reason": "a gift"}, expect=202)
    deadline = time.monotonic() + 30
    while shop.call("GET", path, user="staff")["status"] != "REFUNDED" and time.monotonic() < deadline:
        time.sleep(0.1)


def _deliver(shop: Shop, placed: Placed) -> None:
    """The carrier then tells of it by its webhook."""
    shop.drive(placed.order_id)
    deadline = time.monotonic() + 30
    while placed.status != "DELIVERED" and time.monotonic() < deadline:
        time.sleep(0.1)
        placed.status = shop.call("GET", f"orders/{placed.order_id}", user="staff")["status"]


def _cancel_too_late(shop: Shop, placed: Placed) -> None:
    shop.call("POST", f"orders/{placed.order_id}/cancel", body={"reason": "too late"}, expect=409)


BRANCHES = (
    Branch("plain order", 12, ("COMPLETED",), one_by_one=True),
    Branch("many at once", 12, ("COMPLETED",), sku="SKU-002"),
    Branch("gateway fails twice, then works", 4, ("COMPLETED",), token="tok_flaky"),
    Branch("out of stock", 5, ("CANCELLED OUT_OF_STOCK",), quantity=500_000),
    Branch("card declined", 5, ("CANCELLED PAYMENT_FAILED",), token="tok_declined"),
    Branch("carrier refuses the address", 5, ("CANCELLED SHIPPING_FAILED",), postal_code="00000"),
    Branch("cancelled while paying", 4, ("CANCELLED CUSTOMER",), token="tok_timeout", then=_cancel_as("alice")),
    Branch("cancelled by staff while paying", 2, ("CANCELLED STAFF",), token="tok_timeout", then=_cancel_as("staff")),
    Branch("cancelled right after ordering", 4, ("CANCELLED CUSTOMER", "COMPLETED"), then=_cancel_as("alice")),
    Branch("gateway silent until the deadline", 3, ("CANCELLED TIMEOUT",), token="tok_timeout"),
    Branch("capture fails, then works", 3, ("COMPLETED",), token="tok_capture_fails"),
    Branch("refunded", 3, ("COMPLETED REFUNDED",), follow_up=_refund),
    Branch("delivered", 2, ("DELIVERED",), follow_up=_deliver),
    Branch("cancelled after completion (409)", 2, ("COMPLETED",), follow_up=_cancel_too_late),
)


# What the topics say of the time between

_HOPS = {
    "OrderCreated → InventoryReserved": ("OrderCreated", "InventoryReserved"),
    "InventoryReserved → PaymentAuthorized (gateway)": ("InventoryReserved", "PaymentAuthorized"),
    "PaymentAuthorized → ShipmentCreated": ("PaymentAuthorized", "ShipmentCreated"),
    "ShipmentCreated → OrderShipped (carrier)": ("ShipmentCreated", "OrderShipped"),
    "OrderShipped → PaymentCaptured (gateway)": ("OrderShipped", "PaymentCaptured"),
    "OrderCreated → OrderCompleted": ("OrderCreated", "OrderCompleted"),
}


def hops(order_ids: list[str]) -> dict[str, list[float]]:
    """Milliseconds of each step, and of the relay: from an event's decision (so with its commit) to its producing."""
    made: dict[str, dict[str, datetime]] = {order_id: {} for order_id in order_ids}
    relay: list[float] = []
    for order_id, event_type, at, produced_at in _events(set(order_ids)):
        if event_type not in made[order_id]:
            made[order_id][event_type] = at
            relay.append((produced_at - at).total_seconds() * 1000)
    steps = {
        name: [
            (times[last] - times[first]).total_seconds() * 1000
            for times in made.values()
            if first in times and last in times
        ]
        for name, (first, last) in _HOPS.items()
    }
    return {"relay: event decided → committed → produced": relay} | steps


def _events(order_ids: set[str]) -> Iterator[tuple[str, str, datetime, datetime]]:
    consumer = kafka.consumer("demo")
    try:
        metadata = consumer.list_topics(timeout=10).topics
        ends: dict[tuple[str, int], int] = {}
        for topic in _TOPICS:
            for partition in metadata[topic].partitions:
                low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
                if high > low:
                    ends[topic, partition] = high
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in ends])
        while ends:
            message = consumer.poll(10)
            if message is None or message.error():
                return
            place = (message.topic() or "", message.partition() or 0)
            key = (message.key() or b"").decode(errors="replace")
            if key in order_ids:
                event = msgspec.json.decode(message.value() or b"")
                produced_at = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)
                yield key, event["eventType"], datetime.fromisoformat(event["timestamp"]), produced_at
            if (message.offset() or 0) + 1 >= ends.get(place, 0):
                ends.pop(place, None)
    finally:
        consumer.close()
