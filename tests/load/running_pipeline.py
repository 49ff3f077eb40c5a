"""The pipeline as it runs in a measurement: all its processes, on databases and topics that start empty."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from django.core.management import call_command

from deploy.local.servers import poll
from ecommerce import identity
from ecommerce.celery import app
from ecommerce.environment import SERVICES
from ecommerce.inputs import Input
from ecommerce.leases import Lease
from ecommerce.registry import engine
from ecommerce.vault import vault
from inventory.messages import AdjustStock
from orders.domain import Status
from orders.messages import PlaceOrder, RequestedItem
from orders.sealing import seal
from tests.load.asking import ADDRESS
from tests.load.child import output_of
from tests.pipeline import pipeline_processes, start_empty
from tests.processes import MANAGE, running
from tests.servers import RunningServer, Servers, started

BATCH = 500
DEADLINE_SECONDS = 7200  # longer than any run: an order that is slow is measured, not cancelled
_CUSTOMERS = [identity.derived_id("customer", str(number)) for number in range(100)]
_UNDER_WAY = [status for status in Status if status not in (Status.COMPLETED, Status.DELIVERED, Status.CANCELLED)]


@dataclass
class Pipeline:
    """A running pipeline. Orders that were `load`ed wait until it is `let_go`."""

    processes: dict[str, RunningServer]
    folder: Path
    topics: list[str] = field(default_factory=lambda: [f"{service}.events" for service in SERVICES])
    _held: list[Lease] = field(default_factory=list)

    def load(self, count: int) -> None:
        """Commits so many orders through orders' engine, while the relay runs but does not get its leases."""
        self._hold_relay()
        for start in range(0, count, BATCH):
            outcomes = engine("orders").take([order(number) for number in range(start, min(start + BATCH, count))])
            assert all(outcome.events for outcome in outcomes)
            for lease in self._held:
                assert lease.keep()

    def let_go(self) -> None:
        """Lets the relay have its leases: it asks for them every second."""
        for lease in self._held:
            lease.release()
        self._held = []

    def is_done(self) -> bool:
        """Whether no order is under way: one look into the index on the status."""
        return engine("orders").database["orders"].find_one({"status": {"$in": _UNDER_WAY}}, {"_id": 1}) is None

    def completed(self) -> int:
        return engine("orders").database["orders"].count_documents({"status": "COMPLETED"})

    def settle(self) -> None:
        """Returns when every event has reached Kafka and no order is under way."""
        outboxes = [engine(service).database["outbox"] for service in SERVICES]
        _until(
            "the pipeline to be quiet",
            lambda: self.is_done() and not any(outbox.find_one({}, {"_id": 1}) for outbox in outboxes),
            seconds=600,
        )

    def prove(self, *, topics: bool = True) -> list[str]:
        """The last lines of the audit and of the rebuild; fails on a violation, a difference or an order in flight.

        Without `topics` where there are orders whose events were never on them.
        """
        audit = ["audit"] if topics else ["audit", "--no-topics"]
        self.settle()
        said: list[str] = []

        def nothing_in_flight() -> bool:
            said[:] = [_manage(*audit)]
            return " 0 in flight" in said[0]

        with ThreadPoolExecutor(1) as beside:
            rebuilt = beside.submit(_manage, "rebuild")
            _until("every event to be taken", nothing_in_flight)
            said.append(rebuilt.result())
        assert " 0 violations" in said[0]
        assert said[1] == "no difference"
        return said

    def _hold_relay(self) -> None:
        relay = self.processes["relay"]
        relay.stop()
        self._held = [Lease(engine(service).database, "relay") for service in SERVICES]
        _until("the relay's leases", lambda: all(lease.take() for lease in self._held))
        relay.start()
        _until("the relay to be up", lambda: self._keep() and bool(app.control.ping(["relay@tests"], timeout=0.5)))

    def _keep(self) -> bool:
        return all(lease.keep() for lease in self._held)


def order(number: int, *, customer_id: str = "") -> Input:
    """A new order of one piece, as a storefront's request becomes one; without a customer, of one of a hundred."""
    command_id = identity.new_id()
    order_id = identity.derived_id("order", command_id)
    customer_id = customer_id or _CUSTOMERS[number % len(_CUSTOMERS)]
    command = PlaceOrder(
        order_id=order_id,
        customer_id=customer_id,
        items=(RequestedItem(sku=f"SKU-{number % 20 + 1:03}", quantity=1),),
        sealed=seal(vault(), customer_id, order_id, ADDRESS, "tok_visa"),
        fingerprint="0" * 64,
    )
    return engine("orders").input(command, id=command_id)


@contextmanager
def running_pipeline(servers: Servers, folder: Path, *, consumers: int = 1) -> Iterator[Pipeline]:
    """All processes, with the demo's users and products and plenty of stock."""
    folder.mkdir(parents=True, exist_ok=True)
    start_empty(servers)
    processes = {
        process.name: running(process, folder)
        for process in pipeline_processes(folder, deadline_seconds=DEADLINE_SECONDS, consumers=consumers)
    }
    with started(*processes.values()):
        call_command("seed", stdout=StringIO())
        _stock_up()
        yield Pipeline(processes, folder)


def _stock_up() -> None:
    inventory = engine("inventory")
    wishes = [AdjustStock(sku=f"SKU-{number:03}", delta=10**9, reason="load", by="load") for number in range(1, 21)]
    inventory.take([inventory.input(wish, id=identity.new_id()) for wish in wishes])


def _manage(*command: str) -> str:
    """The last line that it says."""
    return output_of(MANAGE, *command, seconds=1200).splitlines()[-1]


def _until(what: str, probe: Callable[[], bool], *, seconds: float = 60) -> None:
    poll(what, probe, deadline=time.monotonic() + seconds)
