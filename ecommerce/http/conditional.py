"""`ETag` and `If-None-Match`: who asks again is told in no bytes that nothing has changed."""

from hashlib import blake2b
from typing import Any

from django.utils.http import parse_etags
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from ecommerce.http.rendering import encoded


def answer(request: Request, data: Any) -> Response:
    """`data` with its tag, or a 304 where the client has it already."""
    tag = f'"{blake2b(encoded(data), digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if "*" in known or tag in (each.removeprefix("W/") for each in known):
        return Response(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(data, headers=headers)
