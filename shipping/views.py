"""Shipping over HTTP."""

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ecommerce.http.permissions import may_see
from shipping import selectors
from shipping.serializers import represent


class ShipmentView(APIView):
    def get(self, request: Request, order_id: str) -> Response:
        shipment = selectors.shipment(order_id)
        if shipment is None or not may_see(request, shipment.customer_id):
            raise NotFound(f"there is no shipment for {order_id}")
        return Response(represent(shipment))
