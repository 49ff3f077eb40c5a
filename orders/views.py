"""Orders over HTTP."""

from typing import Any

import msgspec
from rest_framework import status
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ecommerce import diagnosis, identity, killpoints, typed
from ecommerce.http import conditional, idempotency, waiting
from ecommerce.http.describing import PAGE, keyed, operation, query, tagged
from ecommerce.http.pagination import page
from ecommerce.http.permissions import Scope, caller, has, may_see, needs, owns
from ecommerce.http.shapes import Page
from ecommerce.killpoints import Place
from ecommerce.registry import engine, services
from ecommerce.vault import Erased, vault
from orders import models, selectors
from orders.domain import Status
from orders.events import CancelledBy
from orders.messages import CancelOrder, PlaceOrder, RequestedItem
from orders.sealing import note_of, seal, seal_note
from orders.serializers import (
    CancelSerializer,
    Diagnosis,
    Order,
    PlacedOrder,
    PlaceOrderSerializer,
    PublishedEvent,
    Timeline,
    diagnosed,
    placed,
    represent,
    time_in,
)

_place_order = PlaceOrderSerializer()


_STATUS = query("status", "Only orders that are there", {"type": "string", "enum": [*Status]})
_TIMES = [
    query(name, f"Only orders placed {when} this time", {"type": "string", "format": "date-time"})
    for name, when in (("createdAfter", "after"), ("createdBefore", "before"))
]
_FILTERS = [_STATUS, *_TIMES, *PAGE]
_WAIT = query(
    "wait",
    "Answers when the order is another than that of `If-None-Match`, or after so many seconds",
    {"type": "integer", "minimum": 0, "maximum": waiting.LONGEST, "default": 0},
)


_EXAMPLE = {
    "items": [{"sku": "SKU-001", "quantity": 2}],
    "paymentMethod": "tok_visa",
    "shippingAddress": {
        "name": "Alice",
        "line1": "1 Main Street",
        "city": "Berlin",
        "postalCode": "10115",
        "country": "DE",
    },
}


class OrdersView(APIView):
    throttle_scope = "orders"

    @operation(
        "listOrders", "Orders, the newest first", answers={200: Page[Order]}, parameters=[_STATUS, *_TIMES, *PAGE]
    )
    def get(self, request: Request) -> Response:
        given = request.query_params
        wanted = given.get("status")
        if wanted is not None and wanted not in set(Status):
            raise ValidationError({"status": [f"Must be one of {', '.join(Status)}."]})
        found = selectors.orders(
            customer_id=None if has(request, Scope.ORDERS_READ) else str(caller(request).id),
            status=wanted,
            after=time_in(given.get("createdAfter"), "createdAfter"),
            before=time_in(given.get("createdBefore"), "createdBefore"),
        )
        return Response(page(request, found, represent))

    @operation(
        "placeOrder",
        "Places an order",
        body=PlaceOrderSerializer,
        example=_EXAMPLE,
        answers={201: PlacedOrder},
        parameters=keyed(201),
        problems=["unknown-sku", "mixed-currencies", "invalid-total", "forbidden"],
    )
    def post(self, request: Request) -> Response:
        """Prices are the shop's. The order is accepted when this answers; what becomes of it is seen by reading it."""
        data = _place_order.run_validation(request.data)
        command_id = idempotency.command_id(request, "orders")
        command = _command(request, data, command_id)
        outcome = engine("orders").execute(command, id=command_id)
        killpoints.reached(Place.HTTP_AFTER_COMMIT, ("repeated" if outcome.duplicate else "first",))
        if outcome.events:
            created, headers = outcome.events[0], {}
        else:  # placed before; or in a time that a backup put back has forgotten, and then this is the first command
            first, created = selectors.first_answer(command.order_id)
            headers = idempotency.replayed(is_same=_is_repeated(first, request.data))
        return Response(placed(created), status=status.HTTP_201_CREATED, headers=headers)


def _command(request: Request, data: dict[str, Any], command_id: str) -> PlaceOrder:
    order_id, customer_id = identity.derived_id("order", command_id), str(caller(request).id)
    sealed = seal(vault(), customer_id, order_id, data["shippingAddress"], data["paymentMethod"])
    return PlaceOrder(
        order_id=order_id,
        customer_id=customer_id,
        items=tuple(RequestedItem(sku=item["sku"], quantity=item["quantity"]) for item in data["items"]),
        sealed=sealed,
        fingerprint=idempotency.fingerprint(request.data, sealed.key_id),
    )


def _is_repeated(first: PlaceOrder, body: Any) -> bool:
    try:  # with the key of that time: the customer may have another one by now
        return first.fingerprint == idempotency.fingerprint(body, first.sealed.key_id)
    except Erased:
        return False  # nobody can tell any more, and an order must not be answered for that is another


class OrderView(APIView):
    @operation("getOrder", "An order", answers={200: Order, 304: None}, parameters=[_WAIT, *tagged(200, 304)])
    def get(self, request: Request, order_id: str) -> Response:
        seconds = waiting.seconds_in(request)
        order = _visible(request, order_id)
        response = conditional.answer(request, represent(order))
        # Who says what it has waits until there is something else; who does not, until the order gets on.
        is_known = response.status_code == status.HTTP_304_NOT_MODIFIED
        may_change = is_known or ("If-None-Match" not in request.headers and order.status not in selectors.ENDED)
        if not (seconds and may_change):
            return response
        change = waiting.Change(versions=selectors.versions, key=order_id, version=order.version, seconds=seconds)
        return waiting.rather_after(response, change)


class TimelineView(APIView):
    @operation("getTimeline", "What happened to an order", answers={200: Timeline})
    def get(self, request: Request, order_id: str) -> Response:
        _visible(request, order_id)
        return Response(typed.convert({"orderId": order_id, "events": selectors.timeline(order_id)}, Timeline))


class EventView(APIView):
    permission_classes = (needs(Scope.ORDERS_READ),)

    @operation("getEvent", "An event about an order, as it was published", answers={200: PublishedEvent})
    def get(self, request: Request, order_id: str, event_id: str) -> Response:
        _visible(request, order_id)
        found = selectors.published(order_id, event_id)
        if found is None:
            raise NotFound(f"there is no event {event_id} about {order_id}")
        return Response(msgspec.Raw(found))


class DiagnosisView(APIView):
    permission_classes = (needs(Scope.ORDERS_READ),)

    @operation("diagnoseOrder", "Why an order is where it is", answers={200: Diagnosis})
    def get(self, request: Request, order_id: str) -> Response:
        """What holds it up, the cause, and what may be done; of the services that this process serves."""
        order = _visible(request, order_id)
        found = diagnosis.findings(order_id, services(), diagnosis.known(order_id, services()))
        return Response(diagnosed(order, found))


class CancelView(APIView):
    @operation(
        "cancelOrder",
        "Asks for an order's cancellation",
        body=CancelSerializer,
        answers={202: Order},
        parameters=keyed(202),
        problems=["already-shipped", "forbidden"],
    )
    def post(self, request: Request, order_id: str) -> Response:
        serializer = CancelSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        order, said = _visible(request, order_id), serializer.validated_data["reason"]
        if has(request, Scope.ORDERS_CANCEL):
            command = CancelOrder(order_id=order_id, by=CancelledBy.STAFF, note=said)
        elif not owns(request, order.customer_id):
            raise PermissionDenied
        else:
            sealed = seal_note(vault(), order.customer_id, order_id, said)
            command = CancelOrder(order_id=order_id, by=CancelledBy.CUSTOMER, sealed=sealed)
        command_id = idempotency.command_id(request, f"orders/{order_id}/cancel")
        headers = idempotency.execute(engine("orders"), command, id=command_id, same=_say_the_same)
        return Response(represent(_visible(request, order_id)), status=status.HTTP_202_ACCEPTED, headers=headers)


def _say_the_same(one: CancelOrder, other: CancelOrder) -> bool:
    try:
        return _said_in(one) == _said_in(other)
    except Erased:
        return False


def _said_in(command: CancelOrder) -> str:
    return note_of(vault(), command.order_id, command.sealed) if command.sealed else command.note


def _visible(request: Request, order_id: str) -> models.Order:
    """The order, if the caller may see it: another's is as absent as one that never was."""
    order = selectors.order(order_id)
    if order is None or not may_see(request, order.customer_id, Scope.ORDERS_READ):
        raise NotFound(f"there is no order {order_id}")
    return order
