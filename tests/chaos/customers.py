"""The load: customers on every branch of the saga, who do not give up while something is broken."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID

import httpx

from ecommerce.demo import BRANCHES, Branch, Placed, Shop, UnexpectedAnswer
from ecommerce.registry import engine
from tests.chaos.mode import PATIENCE_SECONDS
from tests.waiting import until

SILENT = next(branch for branch in BRANCHES if branch.expected == ("CANCELLED TIMEOUT",))
_PLAIN_TOO = 6
_WAVE_SECONDS = 1.5
_EVERY_SECONDS = 5.0


def _unless_too_late(cancel: Callable[[Shop, Placed], None]) -> Callable[[Shop, Placed], None]:
    """Where a branch may end as completed too, its cancellation may be held up for so long that the parcel has left."""

    def attempt(shop: Shop, placed: Placed) -> None:
        try:
            cancel(shop, placed)
        except UnexpectedAnswer as error:
            if error.status != 409:
                raise

    return attempt


def _alone(branch: Branch) -> Branch:
    """One order of it, not waited for."""
    then = _unless_too_late(branch.then) if "COMPLETED" in branch.expected else branch.then
    return replace(branch, orders=1, one_by_one=False, then=then)


ENDING = [_alone(branch) for branch in BRANCHES if branch is not SILENT]
_PLAIN = ENDING[0]


class PatientShop(Shop):
    """Repeats what got no answer, or a 503, with the same Idempotency-Key; now and then also what did get one."""

    def __init__(self, url: str, chance: Random) -> None:
        super().__init__(url)
        self._chance = chance

    def send(self, method: str, path: str, *, user: str, body: Any, **headers: str) -> httpx.Response:
        headers["Idempotency-Key"] = str(UUID(int=self._chance.getrandbits(128)))
        answer = self._patiently(method, path, user=user, body=body, **headers)
        if path == "orders" and self._chance.random() < 0.3:
            again = self._patiently(method, path, user=user, body=body, **headers)
            assert (again.status_code, again.content) == (answer.status_code, answer.content)
        return answer

    def drive(self, order_id: str) -> None:
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return super().drive(order_id)
            except httpx.TransportError:  # the carrier is one of those that are killed
                if time.monotonic() >= give_up:
                    raise
            time.sleep(0.2)

    def _patiently(self, method: str, path: str, **request: Any) -> httpx.Response:
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = super().send(method, path, **request)
                if answer.status_code != 503:
                    return answer
                problem = answer.text
            except UnexpectedAnswer as error:  # of the sign-in
                if error.status != 503:
                    raise
                problem = str(error)
            except httpx.TransportError as error:
                problem = repr(error)
            assert time.monotonic() < give_up, f"{method} {path}: still {problem}"
            time.sleep(0.2)


class Load:
    """Orders in waves, one of each branch and a few plain ones more, placed at random moments in the background."""

    def __init__(self, shop: Shop, chance: Random, *, silent: bool) -> None:
        self.placed: list[Placed] = []
        self.silent: list[Placed] = []  # nothing but their deadline ends them
        self._shop = shop
        self._chance = chance
        self._branches = [*ENDING, *[_PLAIN] * _PLAIN_TOO, *([_alone(SILENT)] if silent else [])]
        self._customers = ThreadPoolExecutor(len(self._branches), thread_name_prefix="customer")
        self._orders: list[Future[None]] = []

    def wave(self) -> None:
        """Sends a wave of customers, and does not wait for them."""
        for branch in self._branches:
            self._orders.append(self._customers.submit(self._order, branch, self._chance.uniform(0, _WAVE_SECONDS)))

    def waves_until(self, what: str, probe: Callable[[], bool], *, seconds: float = 90) -> None:
        """Sends wave after wave until `probe` gives true; fails naming `what` after `seconds`."""
        due = 0.0

        def keep_on() -> bool:
            nonlocal due
            if time.monotonic() >= due:
                self.wave()
                due = time.monotonic() + _EVERY_SECONDS
            return probe()

        until(what, keep_on, seconds=seconds)

    def finish(self) -> None:
        """Returns when every customer has done what they came for; raises what went wrong."""
        for order in self._orders:
            order.result()

    def give_up(self) -> None:
        """Sends those away who have not come yet."""
        self._customers.shutdown(cancel_futures=True)

    def _order(self, branch: Branch, delay: float) -> None:
        time.sleep(delay)  # customers come when they like
        placed = next(branch.place(self._shop))
        (self.silent if branch.name == SILENT.name else self.placed).append(placed)
        if branch.follow_up is not _PLAIN.follow_up:
            until("an order to end", lambda: fates([placed])[placed.order_id] != "", seconds=PATIENCE_SECONDS)
            branch.follow_up(self._shop, placed)


def fates(placed: Iterable[Placed]) -> dict[str, str]:
    """What has become of these orders, as `Branch.expected` says it; empty for one that has not ended."""
    found = {one.order_id: "" for one in placed}
    ids = {"_id": {"$in": list(found)}}
    refunds = engine("payments").database["payments"].find({**ids, "status": "REFUNDED"}, {"_id": 1})
    refunded = {each["_id"] for each in refunds}
    for order in engine("orders").database["orders"].find(ids, {"status": 1, "cancellation_reason": 1}):
        if order["status"] == "CANCELLED":
            found[order["_id"]] = f"CANCELLED {order['cancellation_reason']}"
        elif order["status"] in ("COMPLETED", "DELIVERED"):
            found[order["_id"]] = order["status"] + (" REFUNDED" if order["_id"] in refunded else "")
    return found
