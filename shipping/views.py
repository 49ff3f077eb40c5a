"""Shipping over HTTP."""

import time
from typing import Any

import structlog
from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import status
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotFound, ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ecommerce.http.describing import operation
from ecommerce.http.parsing import BytesParser
from ecommerce.http.permissions import Scope, may_see
from shipping import selectors, tasks, webhook
from shipping.serializers import Shipment, represent

log = structlog.get_logger(__name__)


class ShipmentView(APIView):
    @operation("getShipment", "An order's parcel", answers={200: Shipment})
    def get(self, request: Request, order_id: str) -> Response:
        shipment = selectors.shipment(order_id)
        if shipment is None or not may_see(request, shipment.customer_id, Scope.SHIPMENTS_READ):
            raise NotFound(f"there is no shipment for {order_id}")
        return Response(represent(shipment))


class CarrierSignature(BaseAuthentication):
    """Who knows the secret that we share with the carrier is the carrier."""

    def authenticate(self, request: Request) -> tuple[None, str]:
        header, now = request.headers.get(webhook.HEADER, ""), time.time()
        try:
            webhook.verify(_body(request), header, secret=settings.CARRIER_WEBHOOK_SECRET, now=now)
        except webhook.BadSignature as error:
            raise AuthenticationFailed(str(error)) from error
        return None, "carrier"

    def authenticate_header(self, request: Request) -> str:
        return webhook.HEADER


class CarrierSignatureScheme(OpenApiAuthenticationExtension):
    target_class = CarrierSignature
    name = "carrierSignature"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": webhook.HEADER}


class CarrierWebhookView(APIView):
    """Late results. A 2xx means that the carrier need not tell it again: it is in the log, or of no interest."""

    authentication_classes = (CarrierSignature,)
    permission_classes = ()
    throttle_classes = ()  # the signature says who it is
    parser_classes = (BytesParser,)

    @operation(
        "tellOfShipment",
        "For the carrier: a late result",
        body={"application/json": {"type": "object"}},
        answers={202: None},
    )
    def post(self, request: Request) -> Response:
        try:
            notice = webhook.read(_body(request))
            answer = webhook.answer(notice)
        except webhook.BadNotice as error:
            raise ParseError(str(error)) from error
        # What comes before the question would be in the log, without effect, when its answer is due.
        if answer is not None and selectors.was_asked(notice.order):
            tasks.take([answer])
        else:
            log.info("a notice of no interest", correlation_id=notice.order[:100], status=notice.status[:100])
        return Response(status=status.HTTP_202_ACCEPTED)


def _body(request: Request) -> bytes:
    data: Any = request.data
    return data if isinstance(data, bytes) else b""  # no body: nothing was parsed
