"""How an operation of the API comes to its end: it says so in each answer, long before (RFC 9745, RFC 8594)."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from django.utils.http import http_date
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response


def deprecated(*, since: datetime, sunset: datetime, instead: str) -> Callable[[Any], Any]:
    """Marks a view's method: nobody should use it since `since`, nor can after `sunset`; `instead` is a URL.

    It stands above `operation`, whose description it takes over.
    """
    headers = {
        "Deprecation": f"@{int(since.timestamp())}",
        "Sunset": http_date(sunset.timestamp()),
        "Link": f'<{instead}>; rel="successor-version"',
    }

    def decorate(method: Any) -> Any:
        @wraps(method)
        def marked(*args: Any, **kwargs: Any) -> Response:
            response: Response = method(*args, **kwargs)
            for name, value in headers.items():
                response[name] = value
            return response

        return extend_schema(deprecated=True)(marked)

    return decorate
