"""Where a request comes from, for what is counted by it."""

from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Protocol

_SITE = 64  # bits: whoever has one IPv6 address has all that begin with these


class _Asked(Protocol):
    META: dict[str, str]


def address_of(request: _Asked | None) -> str:
    """The sender's address, of IPv6 its network; empty where there is none.

    It is what the server says. Uvicorn takes it from X-Forwarded-For where the proxy is one of FORWARDED_ALLOW_IPS, and
    from the connection otherwise: nobody chooses it by a header.
    """
    said = request.META.get("REMOTE_ADDR", "") if request else ""
    try:
        address = ip_address(said)
    except ValueError:
        return said
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(IPv6Network((address, _SITE), strict=False))
    return str(address)
