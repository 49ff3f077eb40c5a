"""The web processes' entry point."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")
django.setup(set_prefix=False)

from ecommerce import garbage  # noqa: E402  what follows needs the settings
from ecommerce.http.server import Handler  # noqa: E402

THREADS = 16

application = Handler(threads=THREADS)
garbage.settle()
