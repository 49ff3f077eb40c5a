"""What browsers are told about each answer: the least that its page needs, and for data nothing at all."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

Directives = dict[str, str]

_NOTHING: Directives = {"default-src": "'none'", "frame-ancestors": "'none'", "base-uri": "'none'"}
_PAGE = _NOTHING | {
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
}
# Its style sheets are in the page, as its theme is configured, and Alpine.js evaluates the attributes of its elements.
_ADMIN = _PAGE | {"script-src": "'self' 'unsafe-eval'", "style-src": "'self' 'unsafe-inline'"}
_DOCS = _PAGE | {"style-src": "'self' 'unsafe-inline'"}  # Swagger UI

_FEATURES = ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone")
_MORE_FEATURES = ("midi", "payment", "publickey-credentials-get", "usb", "xr-spatial-tracking")


def _policy(directives: Directives) -> str:
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


NOTHING, PAGE, ADMIN, DOCS = map(_policy, (_NOTHING, _PAGE, _ADMIN, _DOCS))
NO_FEATURES = ", ".join(f"{feature}=()" for feature in _FEATURES + _MORE_FEATURES)


class SecurityHeaders:
    """Beside those that Django's own middleware sets. An answer that has one of them already keeps it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        response.headers.setdefault("Content-Security-Policy", _policy_of(request.path_info, response))
        response.headers.setdefault("Permissions-Policy", NO_FEATURES)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if request.path_info.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")  # tokens, and what is somebody's own
        return response


def _policy_of(path: str, response: HttpResponse) -> str:
    if not response.get("Content-Type", "").startswith("text/html"):
        return NOTHING
    if path.startswith("/admin/"):
        return ADMIN
    return DOCS if path == "/api/docs" else PAGE
