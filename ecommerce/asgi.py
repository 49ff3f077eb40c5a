"""The web processes' entry point."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402  what follows needs the settings
from django.utils.module_loading import import_string  # noqa: E402

from ecommerce import garbage, health, ownmetrics  # noqa: E402
from ecommerce.http.server import Handler, Receive, Scope, Send, refuse  # noqa: E402

# As many orders may share a commit, so this is also what bounds the intake; see docs/adr/0009-http-on-threads.md.
THREADS = 40

_http = Handler(threads=THREADS)
_websockets = import_string(settings.WEBSOCKETS) if settings.WEBSOCKETS else refuse


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """HTTP for Django, WebSockets for the app that has some in this process."""
    await (_websockets if scope["type"] == "websocket" else _http)(scope, receive, send)


ownmetrics.serve(health.REGISTRY)
garbage.settle()
