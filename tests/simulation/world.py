"""Four services, a bus, a gateway, a carrier and people, driven by a list of numbers.

Each number is one step: what happens next, and to whom. So a schedule can be repeated, and cut down to the few steps
that break a promise. After the last step nothing fails any more, and everything that is under way comes to its end.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from ecommerce.messages import Command, Message
from ecommerce.service import Service
from inventory.messages import AdjustStock, PutProduct
from inventory.service import INVENTORY
from orders.domain import Order
from orders.events import CancelledBy, Sealed
from orders.messages import CancelOrder, OrderExpired, PlaceOrder, RequestedItem
from orders.service import ORDER, ORDERS
from payments.domain import Payment
from payments.messages import RefundPayment
from payments.service import PAYMENT, PAYMENTS
from shipping.domain import Shipment
from shipping.service import SHIPMENTS, SHIPPING
from tests.simulation.bus import Bus
from tests.simulation.network import Network
from tests.simulation.node import Given, Node
from tests.simulation.outside import FAILURES, Card
from tests.simulation.promises import Promises
from tests.simulation.schedules import Choice

SERVICES = (ORDERS, INVENTORY, PAYMENTS, SHIPPING)
SKUS = ["apple", "pear", "plum"]
STOCK = {"apple": 3, "pear": 6, "plum": 30}
MOST_ORDERS = 4
QUIET: Final = Choice(0)
_CARDS = [Card.GOOD] * 10 + [*Card]


class World:
    """One run. `trace` collects what happened in words, if given; other `services` than the real ones are broken."""

    def __init__(
        self,
        *,
        services: Sequence[Service] = SERVICES,
        node: type[Node] = Node,
        trace: list[str] | None = None,
    ) -> None:
        self._trace = trace
        self._bus = Bus()
        self._network = Network(lambda order: (self.payment(order), self.shipment(order)))
        self._promises = Promises(self._network.gateway, self._network.carrier)
        self.nodes = {service.name: node(service, self._on_taken) for service in services}
        self._orders: list[str] = []
        self._commands: list[tuple[str, Given]] = []
        self._received: dict[str, dict[str, int]] = {sku: {} for sku in SKUS}  # by command: each counts once
        self._met: Counter[str] = Counter()
        for sku in SKUS:
            self._put_product(sku, price=100)
            self._adjust(sku, STOCK[sku])
        self._settle()

    def run(self, schedule: Sequence[int]) -> Counter[str]:
        """Runs the schedule and lets everything end. Raises `Broken`; gives how often each thing was met."""
        for number in schedule:
            self._step(Choice(number))
        self._note("--- from here on nothing fails any more")
        self._end()
        received = {sku: sum(deltas.values()) for sku, deltas in self._received.items()}
        return self._met + self._promises.on_end(self.nodes, self._orders, received)

    # Steps

    def _step(self, choice: Choice) -> None:
        if not self._orders:
            self._place(choice)
        else:
            _STEPS[choice.below(len(_STEPS))](self, choice)

    def _progress(self, choice: Choice) -> None:
        possible = self._possible()
        if possible:
            possible[choice.below(len(possible))](choice)

    def _possible(self) -> list[Callable[[Choice], None]]:
        possible: list[Callable[[Choice], None]] = []
        for node in self.nodes.values():
            if node.outbox:
                possible.append(partial(self._bus.relay, node))
            possible += [partial(self._bus.consume, node, partition) for partition in self._bus.lagging(node)]
        return possible + [partial(self._communicate, act) for act in self._network.possible()]

    def _communicate(self, act: Callable[[Choice], Given | None], choice: Choice) -> None:
        if answer := act(choice):
            service = "payments" if type(answer.message) in PAYMENTS.taker else "shipping"
            self.nodes[service].take([answer])

    def _go_back(self, choice: Choice) -> None:
        node = [*self.nodes.values()][choice.below(len(self.nodes))]
        self._bus.go_back(node, choice)
        self._note(f"{node.service.name} goes back on a partition")

    def _fault(self, choice: Choice) -> None:
        self._note(self._network.fault(choice))

    def _sweep(self, choice: Choice) -> None:
        for order in self._orders:
            self._network.sweep(order)

    # People and clocks

    def _place(self, choice: Choice) -> None:
        if len(self._orders) == MOST_ORDERS:
            return
        order = f"order-{len(self._orders) + 1}"
        self._network.enter(order, card=_CARDS[choice.below(len(_CARDS))], refuses_parcel=choice.below(10) == 9)
        items = tuple(
            RequestedItem(sku=SKUS[choice.below(len(SKUS))], quantity=1 + choice.below(2))
            for _ in range(1 + choice.below(3))
        )
        sealed = Sealed(key_id="key", address="sealed", payment_token="sealed")
        self._orders.append(order)
        place = PlaceOrder(order_id=order, customer_id="alice", items=items, sealed=sealed, fingerprint="f")
        self._execute("orders", place)

    def _repeat(self, choice: Choice) -> None:
        """Someone who has heard no answer says the same again, under the same id."""
        self._hand_over(*self._commands[choice.below(len(self._commands))])

    def _cancel(self, choice: Choice) -> None:
        by = (CancelledBy.CUSTOMER, CancelledBy.STAFF)[choice.below(2)]
        self._execute("orders", CancelOrder(order_id=self._any_order(choice), by=by))

    def _expire(self, choice: Choice) -> None:
        self._expire_order(self._any_order(choice))

    def _expire_order(self, order: str) -> None:
        self.nodes["orders"].take([Given(f"expiry-{order}", OrderExpired(order_id=order))])

    def _refund(self, choice: Choice) -> None:
        self._execute("payments", RefundPayment(order_id=self._any_order(choice), reason="kindness", by="staff"))

    def _deliver(self, choice: Choice) -> None:
        self._network.deliver(self._any_order(choice))

    def _erase(self, choice: Choice) -> None:
        order = self._any_order(choice)
        self._note(f"the keys of {order} are destroyed")
        self._network.erased.add(order)

    def _count_shelf(self, choice: Choice) -> None:
        self._adjust(SKUS[choice.below(len(SKUS))], choice.below(7) - 3)

    def _reprice(self, choice: Choice) -> None:
        self._put_product(SKUS[choice.below(len(SKUS))], price=100 + choice.below(3))

    def _adjust(self, sku: str, delta: int) -> None:
        self._execute("inventory", AdjustStock(sku=sku, delta=delta, reason="count", by="staff"))

    def _put_product(self, sku: str, *, price: int) -> None:
        self._execute("inventory", PutProduct(sku=sku, name=sku, price=price, currency="USD"))

    def _execute(self, service: str, command: Command) -> None:
        self._commands.append((service, Given(f"command-{len(self._commands) + 1}", command)))
        self._hand_over(*self._commands[-1])

    def _hand_over(self, service: str, given: Given) -> None:
        command, refused = given.message, self.nodes[service].execute(given)
        if refused:
            self._note(f"{service} refuses {type(command).__name__} {command.key}: {refused.code}")
            self._met[refused.code] += 1
        elif isinstance(command, AdjustStock):
            self._received[command.sku][given.id] = command.delta

    # The end

    def _end(self) -> None:
        self._settle()
        for order in self._orders:
            if self._order(order).placed and self._order(order).status not in ("COMPLETED", "DELIVERED", "CANCELLED"):
                self._expire_order(order)  # the deadline: a gateway that hangs keeps no order for ever
        self._settle()

    def _settle(self) -> None:
        """Fair and without faults: until nothing happens any more, not even when all that is pending is asked again."""
        size = -1
        while size != (size := self._size()):
            for _ in range(FAILURES + 1):
                self._sweep(QUIET)
                while possible := self._possible():
                    for act in possible:
                        act(QUIET)

    def _size(self) -> int:
        return sum(len(log) for node in self.nodes.values() for log in node.log.values())

    # Looking

    def _order(self, order_id: str) -> Order:
        state = self.nodes["orders"].state(ORDER, order_id)
        assert isinstance(state, Order)
        return state

    def payment(self, order_id: str) -> Payment:
        state = self.nodes["payments"].state(PAYMENT, order_id)
        assert isinstance(state, Payment)
        return state

    def shipment(self, order_id: str) -> Shipment:
        state = self.nodes["shipping"].state(SHIPMENTS, order_id)
        assert isinstance(state, Shipment)
        return state

    def _on_taken(self, service: str, given: Given, events: list[Message]) -> None:
        if self._trace is not None:
            made = ", ".join(type(event).__name__ for event in events)
            self._note(f"{service} takes {type(given.message).__name__} {given.message.key} → {made or 'nothing'}")
        for event in events:
            self._promises.on_event(event)
            self._network.on_event(self.nodes[service].service, event)
        if service == "inventory":
            self._promises.on_stock(self.nodes["inventory"])

    def _any_order(self, choice: Choice) -> str:
        return self._orders[choice.below(len(self._orders))]

    def _note(self, line: str) -> None:
        if self._trace is not None:
            self._trace.append(line)


_STEPS: Final = (
    *[World._progress] * 60,
    *[World._place] * 4,
    *[World._fault] * 4,
    *[World._sweep] * 2,
    *[World._go_back] * 2,
    *[World._deliver] * 3,
    *[World._refund] * 2,
    *[World._repeat] * 2,
    World._cancel,
    World._expire,
    World._erase,
    World._count_shelf,
    World._reprice,
)
