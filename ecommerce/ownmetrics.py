"""/metrics on a port of its own: what a process counts itself, and of a web process what it reads elsewhere too."""

import structlog
from django.conf import settings
from prometheus_client import REGISTRY, CollectorRegistry, start_http_server

log = structlog.get_logger(__name__)


def serve(registry: CollectorRegistry = REGISTRY) -> None:
    """Answers on METRICS_PORT of METRICS_HOST from now on, in a thread of its own. A taken port stops nobody."""
    port = settings.ENV.METRICS_PORT
    if not port:
        return
    try:
        start_http_server(port, addr=settings.ENV.METRICS_HOST, registry=registry)
    except OSError as error:
        log.error("no metrics: the port is taken", host=settings.ENV.METRICS_HOST, port=port, error=str(error))
