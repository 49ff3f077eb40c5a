"""Payments over HTTP."""

from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ecommerce.http import idempotency
from ecommerce.http.permissions import IsStaff, caller, may_see
from ecommerce.registry import engine
from payments import selectors
from payments.messages import RefundPayment
from payments.models import Payment
from payments.serializers import RefundSerializer, represent


class PaymentView(APIView):
    def get(self, request: Request, order_id: str) -> Response:
        return Response(represent(_visible(request, order_id)))


class RefundView(APIView):
    permission_classes = (IsStaff,)

    def post(self, request: Request, order_id: str) -> Response:
        serializer = RefundSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        _visible(request, order_id)
        command = RefundPayment(
            order_id=order_id, reason=serializer.validated_data["reason"], by=caller(request).username
        )
        engine("payments").execute(command, id=idempotency.command_id(request, f"payments/{order_id}/refund"))
        return Response(represent(_visible(request, order_id)), status=status.HTTP_202_ACCEPTED)


def _visible(request: Request, order_id: str) -> Payment:
    payment = selectors.payment(order_id)
    if payment is None or not may_see(request, payment.customer_id):
        raise NotFound(f"there is no payment for {order_id}")
    return payment
