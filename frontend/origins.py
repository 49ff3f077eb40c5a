"""Whether a WebSocket comes from a page of this site: the browser says so, and nobody else asks it to."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import is_same_domain, split_domain_port, validate_host

Headers = Iterable[tuple[bytes, bytes]]


def are_ours(headers: Headers) -> bool:
    """Whether each Origin is this host's, or one of CSRF_TRUSTED_ORIGINS. What sends none is no browser."""
    said = [(name.lower(), value.decode("latin-1")) for name, value in headers]
    hosts = [value for name, value in said if name == b"host"]
    return all(_is_ours(value, hosts[0] if len(hosts) == 1 else "") for name, value in said if name == b"origin")


def _is_ours(origin: str, host: str) -> bool:
    try:
        url = urlsplit(origin)
    except ValueError:
        return False
    if any(_matches(origin, url.netloc, trusted) for trusted in settings.CSRF_TRUSTED_ORIGINS):
        return True
    domain, _ = split_domain_port(host)
    is_safe = url.scheme == "https" or (url.scheme == "http" and not settings.SECURE_SSL_REDIRECT)
    return is_safe and url.netloc.lower() == host.lower() and validate_host(domain, settings.ALLOWED_HOSTS)


def _matches(origin: str, netloc: str, trusted: str) -> bool:
    """As Django's own check of forms has it: `https://*.shop.example` stands for all hosts below."""
    scheme, _, pattern = trusted.partition("://")
    if pattern.startswith("*"):
        return origin.startswith(f"{scheme}://") and is_same_domain(netloc, pattern.lstrip("*"))
    return origin == trusted
