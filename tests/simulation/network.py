"""Between the services and the outside: tasks, requests and answers, each of which may be lost, late or twice."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from ecommerce.messages import Answer, Message
from ecommerce.service import Service
from payments.domain import Payment
from payments.events import ERASED
from payments.messages import ChargeDeclined
from shipping.domain import Shipment
from tests.simulation.node import Given
from tests.simulation.outside import Card, Carrier, Gateway
from tests.simulation.schedules import Choice

T = TypeVar("T")
States = Callable[[str], tuple[Payment, Shipment]]


class Request(NamedTuple):
    """An operation on its way, or the task that will send it."""

    operation: str
    order: str
    amount: int = 0


class Network:
    """Holds what is under way. A request that nobody waits for any more may still arrive, much later."""

    def __init__(self, states: States) -> None:
        self._states = states
        self.gateway = Gateway()
        self.carrier = Carrier()
        self.erased: set[str] = set()  # orders whose customer's key is destroyed
        self._cards: dict[str, Card] = {}
        self._refused_parcels: set[str] = set()
        self._tasks: list[Request] = []
        self._requests: list[Request] = []
        self._answers: list[Given] = []

    def enter(self, order: str, *, card: Card, refuses_parcel: bool) -> None:
        """How the outside will treat an order."""
        self._cards[order] = card
        if refuses_parcel:
            self._refused_parcels.add(order)

    def on_event(self, service: Service, event: Message) -> None:
        """The log calls for the outside: a task is queued."""
        if task := service.asks.get(type(event)):
            self._tasks.append(Request(task, event.key))

    def sweep(self, order: str) -> None:
        """Queues what is still to be asked for an order; the carrier repeats news that nobody acknowledged."""
        for task in self._wanted(order):
            if task not in self._tasks:
                self._tasks.append(task)
        if self.carrier.parcels.get(order) == "delivered" and not self._states(order)[1].handed_over:
            self.deliver(order)

    def possible(self) -> list[Callable[[Choice], Given | None]]:
        """What could happen next: a task runs, a request arrives, an answer arrives (which is then given back)."""
        possible: list[Callable[[Choice], Given | None]] = []
        possible += [self._run_task] * len(self._tasks)
        possible += [self._arrive] * len(self._requests)
        possible += [self._answer] * len(self._answers)
        return possible

    def deliver(self, order: str) -> None:
        """The carrier hands a parcel over, if it has one, and says so."""
        self._take_answer("deliver", self.carrier.deliver(order))

    def fault(self, choice: Choice) -> str:
        """Something gets lost, or comes twice; says what."""
        act = choice.below(5)
        queues: tuple[list[Any], ...] = (self._tasks, self._requests, self._answers, self._requests, self._answers)
        if act < 3:
            return f"lost: {_take_one(queues[act], choice)}"
        return f"comes twice: {_double_one(queues[act], choice)}"

    def _wanted(self, order: str) -> list[Request]:
        payment, shipment = self._states(order)
        wanted = []
        if payment.pending:
            wanted.append(Request(f"payments.{payment.pending.lower()}", order))
        if shipment.pending:
            wanted.append(Request(f"shipping.{shipment.pending.lower()}", order))
        return wanted

    def _run_task(self, choice: Choice) -> None:
        task = _take_one(self._tasks, choice)
        if task is None or task not in self._wanted(task.order):
            return
        payment, _ = self._states(task.order)
        if task.order not in self.erased or task.operation not in ("payments.authorize", "shipping.book"):
            self._requests.append(task._replace(amount=payment.amount))
        elif task.operation == "payments.authorize":
            self._take_answer("erased", ChargeDeclined(order_id=task.order, reason=ERASED))
        else:
            self._requests.append(Request("shipping.withdraw", task.order))

    def _arrive(self, choice: Choice) -> None:
        request = _take_one(self._requests, choice)
        if request is None:
            return
        operation, order, amount = request
        party, _, name = operation.partition(".")
        if party == "payments":
            answer = getattr(self.gateway, name)(order, amount, self._cards[order])
        elif name == "book":
            answer = self.carrier.book(order, refuses=order in self._refused_parcels)
        else:
            answer = self.carrier.withdraw(order)
        self._take_answer(operation, answer)

    def _take_answer(self, operation: str, answer: Answer | None) -> None:
        if answer:
            self._answers.append(Given(f"{operation}/{type(answer).__name__}", answer))

    def _answer(self, choice: Choice) -> Given | None:
        return _take_one(self._answers, choice)


def _take_one(queue: list[T], choice: Choice) -> T | None:
    return queue.pop(choice.below(len(queue))) if queue else None


def _double_one(queue: list[T], choice: Choice) -> T | None:
    if not queue:
        return None
    queue.append(queue[choice.below(len(queue))])
    return queue[-1]
