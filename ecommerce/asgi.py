"""The web processes' entry point.

HTTP is served by Django's synchronous side on a fixed pool of threads: the engine's transactions and the ORM are
synchronous, and Django's asynchronous side would give every request a thread of its own, several times over.
"""

import os

from a2wsgi import WSGIMiddleware
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")

THREADS = 16

application = WSGIMiddleware(get_wsgi_application(), workers=THREADS)
