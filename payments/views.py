"""Payments over HTTP."""

from typing import Any

from django.conf import settings
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ecommerce.http import idempotency
from ecommerce.http.describing import header, keyed, operation
from ecommerce.http.parsing import BytesParser
from ecommerce.http.permissions import Scope, caller, may_see, needs
from ecommerce.registry import engine
from payments import models, selectors
from payments.messages import RefundPayment, answer_id
from payments.serializers import Payment, Received, RefundSerializer, represent
from payments.stripe import webhooks


class PaymentView(APIView):
    @operation("getPayment", "An order's payment", answers={200: Payment})
    def get(self, request: Request, order_id: str) -> Response:
        return Response(represent(_visible(request, order_id, Scope.PAYMENTS_READ)))


class RefundView(APIView):
    permission_classes = (needs(Scope.PAYMENTS_REFUND),)

    @operation(
        "refundPayment",
        "Gives a captured payment back",
        body=RefundSerializer,
        answers={202: Payment},
        parameters=keyed(202),
        problems=["not-captured", "already-refunded"],
    )
    def post(self, request: Request, order_id: str) -> Response:
        serializer = RefundSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        _visible(request, order_id, Scope.PAYMENTS_REFUND)
        command = RefundPayment(
            order_id=order_id, reason=serializer.validated_data["reason"], by=caller(request).username
        )
        command_id = idempotency.command_id(request, f"payments/{order_id}/refund")
        headers = idempotency.execute(engine("payments"), command, id=command_id)
        payment = _visible(request, order_id, Scope.PAYMENTS_REFUND)
        return Response(represent(payment), status=status.HTTP_202_ACCEPTED, headers=headers)


class StripeWebhookView(APIView):
    """What Stripe has to say, at its own time: who sends it is shown by the signature alone."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()  # the signature says who it is
    parser_classes = (BytesParser,)

    @operation(
        "tellOfPayment",
        "For Stripe: a late result",
        body={"application/json": {"type": "object"}},
        answers={200: Received},
        parameters=[header("Stripe-Signature", "Stripe's, over time and body", {"type": "string"})],
        problems=["bad-signature", "not-found"],
    )
    def post(self, request: Request) -> Response:
        if settings.PAYMENT_GATEWAY != "stripe":
            raise NotFound("this shop's payments are not Stripe's")
        body: Any = request.data or b""
        webhooks.verify(body, request.headers.get("Stripe-Signature"), settings.STRIPE_WEBHOOK_SECRET)
        notice = webhooks.read(body)
        payment = selectors.state(notice.order_id) if notice and notice.order_id else None
        answer = notice.answer(payment) if notice and payment else None
        if notice and answer:
            engine("payments").execute(answer, id=answer_id(answer, question=notice.question))
        return Response(Received(received=True))


def _visible(request: Request, order_id: str, scope: Scope) -> models.Payment:
    payment = selectors.payment(order_id)
    if payment is None or not may_see(request, payment.customer_id, scope):
        raise NotFound(f"there is no payment for {order_id}")
    return payment
