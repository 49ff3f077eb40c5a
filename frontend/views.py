"""What only the pages ask for."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ecommerce.http.describing import operation
from ecommerce.http.permissions import Scope, needs
from frontend.pipeline import pipeline
from frontend.shapes import Pipeline


class PipelineView(APIView):
    permission_classes = (needs(Scope.PIPELINE_READ),)

    @operation("getPipeline", "How the whole of it does", answers={200: Pipeline})
    def get(self, request: Request) -> Response:
        """Rates, latencies, lag, outboxes, circuit breakers, dead letters, the last audit: a second old at most."""
        return Response(pipeline())
