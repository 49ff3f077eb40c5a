"""/metrics on a port of its own: what a process counts itself, and of a web process what it reads elsewhere too."""

import prometheus_client
import structlog
from django.conf import settings

log = structlog.get_logger(__name__)


def serve() -> None:
    """Answers on METRICS_PORT of METRICS_HOST from now on, on its own thread. A port that is taken stops nobody."""
    port = settings.ENV.METRICS_PORT
    if not port:
        return
    try:
        prometheus_client.start_http_server(port, addr=settings.ENV.METRICS_HOST)
    except OSError as error:
        log.error("no metrics: the port is taken", host=settings.ENV.METRICS_HOST, port=port, error=str(error))
