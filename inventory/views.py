"""Inventory over HTTP."""

from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ecommerce.http import idempotency
from ecommerce.http.describing import keyed, operation
from ecommerce.http.permissions import Scope, caller, needs
from ecommerce.registry import engine
from inventory import models, selectors
from inventory.messages import AdjustStock
from inventory.serializers import (
    AdjustmentSerializer,
    Product,
    Reservation,
    Stock,
    represent_product,
    represent_reservation,
    represent_stock,
)


class ProductsView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @operation("listProducts", "What is for sale", answers={200: list[Product]})
    def get(self, request: Request) -> Response:
        return Response([represent_product(row) for row in selectors.products()])


class StockView(APIView):
    permission_classes = (needs(Scope.STOCK_READ),)

    @operation("getStock", "How much of a product there is", answers={200: Stock})
    def get(self, request: Request, sku: str) -> Response:
        return Response(represent_stock(_stock(sku)))


class AdjustmentsView(APIView):
    permission_classes = (needs(Scope.STOCK_ADJUST),)

    @operation(
        "adjustStock",
        "Adds to the stock of a product, or takes away",
        body=AdjustmentSerializer,
        answers={201: Stock},
        parameters=keyed(201),
        problems=["insufficient-stock", "nothing-to-adjust", "too-much-stock"],
    )
    def post(self, request: Request, sku: str) -> Response:
        serializer = AdjustmentSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        _stock(sku)
        data = serializer.validated_data
        command = AdjustStock(sku=sku, delta=data["delta"], reason=data["reason"], by=caller(request).username)
        command_id = idempotency.command_id(request, f"stock/{sku}/adjustments")
        headers = idempotency.execute(engine("inventory"), command, id=command_id)
        return Response(represent_stock(_stock(sku)), status=status.HTTP_201_CREATED, headers=headers)


class ReservationView(APIView):
    permission_classes = (needs(Scope.RESERVATIONS_READ),)

    @operation("getReservation", "What is set aside for an order", answers={200: Reservation})
    def get(self, request: Request, order_id: str) -> Response:
        reservation = selectors.reservation(order_id)
        if reservation is None:
            raise NotFound(f"there is no reservation for {order_id}")
        return Response(represent_reservation(reservation))


def _stock(sku: str) -> models.Stock:
    row = selectors.stock(sku)
    if row is None:
        raise NotFound(f"there is no product {sku}")
    return row
