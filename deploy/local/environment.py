"""What the processes are told: `.env`, which the shell's variables win over."""

import os
import re
import secrets
from urllib.parse import urlsplit

from dotenv import dotenv_values

from deploy.local.places import ROOT

FILE = ROOT / ".env"
EXAMPLE = ROOT / ".env.example"
_LOCAL = {"127.0.0.1", "localhost"}


def load() -> dict[str, str]:
    """The variables of `.env` and those of `.env.example` that the shell sets. Makes `.env` where there is none."""
    if not FILE.exists():
        _create()
    told = {name: value for name, value in dotenv_values(FILE).items() if value}
    known = set(told) | set(re.findall(r"^(?:# )?([A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE))
    return told | {name: os.environ[name] for name in sorted(known) if os.environ.get(name)}


def local_port(address: str | None) -> int | None:
    """The port of `address` (a URL or host:port) if it is on this machine, so that we run the server behind it.

    None of a link that is encrypted or signed in: ours know neither users nor certificates.
    """
    url = urlsplit(address if "://" in (address or "") else f"//{address or ''}")
    if url.username or url.password or url.scheme == "rediss" or "tls=true" in url.query:
        return None
    return url.port if "," not in url.netloc and url.hostname in _LOCAL else None


def _create() -> None:
    text = EXAMPLE.read_text().replace("\nJWT_SECRET=\n", f"\nJWT_SECRET={secrets.token_urlsafe(48)}\n")
    with os.fdopen(os.open(FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    print("made .env from .env.example, with a secret of its own")
