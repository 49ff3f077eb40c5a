"""A storefront's customers, for `make load-test`: they browse, order, look after their orders, and cancel a few.

    RATE=20 locust -f tests/load/storefront.py --headless -u 20 -r 20 -t 60s --host http://127.0.0.1:3000

All of them together make RATE requests a second, whatever their number, as long as none waits for too long.
"""

import os
import random
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from locust import HttpUser, constant_throughput, task

from ecommerce.demo import PASSWORD

RATE = float(os.environ.get("RATE", "20"))
_TOKEN_SECONDS = 240  # an access token lives 5 minutes
_REMEMBERED = 20  # orders a customer looks after


def _share(user: "Customer") -> float:
    """Seconds to wait, so that this user makes its share of the rate."""
    share = constant_throughput(RATE / max(1, user.environment.runner.target_user_count))
    return share(user)  # type: ignore[no-any-return]


class Customer(HttpUser):
    """One customer. Anything but the answers that the API promises is a failure."""

    wait_time = _share

    def on_start(self) -> None:
        self._name = random.choice(["alice", "bob"])
        self._orders: deque[str] = deque(maxlen=_REMEMBERED)
        self._sign_in()

    @task(6)
    def browse(self) -> None:
        self.client.get("/api/v1/products")

    @task(4)
    def order(self) -> None:
        sku, quantity = f"SKU-{random.randint(1, 20):03}", random.choice([1, 1, 1, 2])
        body = {
            "items": [{"sku": sku, "quantity": quantity}],
            "paymentMethod": random.choices(["tok_visa", "tok_declined", "tok_flaky"], [94, 4, 2])[0],
            "shippingAddress": {"name": "A", "line1": "B", "city": "C", "postalCode": "10115", "country": "DE"},
        }
        placed = self._call("POST", "orders", expect=(201,), json=body)
        if placed:
            self._orders.append(placed["orderId"])

    @task(8)
    def look(self) -> None:
        if self._orders:
            self._call("GET", f"orders/{random.choice(self._orders)}", name="orders/{id}")

    @task(1)
    def cancel(self) -> None:
        """Soon enough, or too late: both are answers."""
        if self._orders:
            path = f"orders/{self._orders[-1]}/cancel"
            self._call("POST", path, name="orders/{id}/cancel", expect=(202, 409), json={"reason": "changed my mind"})

    def _call(self, method: str, path: str, *, name: str = "", expect: Sequence[int] = (200,), **content: Any) -> Any:
        """The JSON answer, or None if it is not one of those that are expected."""
        if time.monotonic() >= self._until:
            self._sign_in()
        with self.client.request(
            method,
            f"/api/v1/{path}",
            name=f"/api/v1/{name or path}",
            headers={"Authorization": f"Bearer {self._token}"},
            catch_response=True,
            **content,
        ) as answer:
            if answer.status_code not in expect:
                answer.failure(f"{answer.status_code}: {answer.text[:200]}")
                return None
            answer.success()
            return answer.json()

    def _sign_in(self) -> None:
        answer = self.client.post("/api/v1/auth/token", json={"username": self._name, "password": PASSWORD})
        self._token, self._until = answer.json()["access"], time.monotonic() + _TOKEN_SECONDS
