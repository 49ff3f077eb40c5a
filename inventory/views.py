"""Inventory over HTTP."""

from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ecommerce.http import idempotency
from ecommerce.http.permissions import Scope, caller, needs
from ecommerce.registry import engine
from inventory import selectors
from inventory.messages import AdjustStock
from inventory.models import Stock
from inventory.serializers import AdjustmentSerializer, represent_product, represent_reservation, represent_stock


class ProductsView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        return Response([represent_product(row) for row in selectors.products()])


class StockView(APIView):
    permission_classes = (needs(Scope.STOCK_READ),)

    def get(self, request: Request, sku: str) -> Response:
        return Response(represent_stock(_stock(sku)))


class AdjustmentsView(APIView):
    permission_classes = (needs(Scope.STOCK_ADJUST),)

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

    def get(self, request: Request, order_id: str) -> Response:
        reservation = selectors.reservation(order_id)
        if reservation is None:
            raise NotFound(f"there is no reservation for {order_id}")
        return Response(represent_reservation(reservation))


def _stock(sku: str) -> Stock:
    row = selectors.stock(sku)
    if row is None:
        raise NotFound(f"there is no product {sku}")
    return row
