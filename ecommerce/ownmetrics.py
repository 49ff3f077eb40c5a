"""/metrics of a process that is no web process: what it counts itself."""

import prometheus_client
import structlog
from django.conf import settings

HOST = "127.0.0.1"

log = structlog.get_logger(__name__)


def serve() -> None:
    """Answers on METRICS_PORT from now on, in a thread of its own. A port that is taken stops nobody's work."""
    port = settings.ENV.METRICS_PORT
    if not port:
        return
    try:
        prometheus_client.start_http_server(port, addr=HOST)
    except OSError as error:
        log.error("no metrics: the port is taken", port=port, error=str(error))
