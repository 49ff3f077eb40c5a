"""MongoDB's own Django backend, where what it asks of MongoDB cannot use an index.

Its part for geometry looks for GDAL three times while it is imported, by asking the machine's compilers for a dozen
names each time: a fifth of what a process needs to start. Nothing here is a place on a map, so it is not looked for.
"""

import sys
from importlib.abc import MetaPathFinder
from typing import Any

from django.core.exceptions import ImproperlyConfigured


class _NoGDAL(MetaPathFinder):
    """Says of GDAL at once what Django says after its search, where it is not installed."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        if fullname == "django.contrib.gis.gdal":
            raise ImproperlyConfigured("GDAL is not looked for: see ecommerce/mongodb")


sys.meta_path.insert(0, _NoGDAL())
