"""The web processes' entry point.

HTTP is served by Django's synchronous side on a fixed pool of threads: the engine's transactions and the ORM are
synchronous, and Django's asynchronous side would give every request a thread of its own, several times over.
"""

import os
from typing import cast

from a2wsgi import WSGIMiddleware
from a2wsgi.wsgi_typing import WSGIApp
from django.core.wsgi import get_wsgi_application

from ecommerce import garbage

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")

THREADS = 16

application = WSGIMiddleware(cast(WSGIApp, get_wsgi_application()), workers=THREADS)
garbage.settle()
