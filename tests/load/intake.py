"""How many orders a second the API takes, and how long each waits for its answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import httpx
import msgspec

from ecommerce.demo import PASSWORD
from ecommerce.percentiles import percentile
from tests import settings
from tests.load.child import output_of
from tests.load.client import Post
from tests.pipeline import URL


@dataclass(frozen=True, kw_only=True)
class Intake:
    """What so many clients, each posting again when it is answered, got."""

    clients: int
    rate: float  # answered with 201, a second
    p50_ms: float
    p99_ms: float


def intake(clients: int, seconds: float) -> Intake:
    """Posts as fast as `clients` can for `seconds`. Fails on any answer but a 201."""
    posts = post("busily", clients, seconds)
    took = [(each.answered - each.due) * 1000 for each in posts]
    span = max(each.answered for each in posts) - min(each.due for each in posts)
    return Intake(clients=clients, rate=len(posts) / span, p50_ms=percentile(took, 50), p99_ms=percentile(took, 99))


def post(loop: str, number: float, seconds: float) -> Sequence[Post]:
    """Runs a client process (see `client`); its posts. Fails on any answer but a 201."""
    tokens = httpx.post(
        f"{URL}/api/v1/auth/token", json={"username": "alice", "password": PASSWORD}, timeout=30, trust_env=False
    )
    token = tokens.raise_for_status().json()["access"]
    client = ["-m", "tests.load.client", str(settings.WEB_PORT), token, loop, str(number), str(seconds)]
    posts = msgspec.json.decode(output_of(*client, seconds=seconds + 120), type=list[Post])
    refused = [each.status for each in posts if each.status != 201]
    assert not refused, f"{len(refused)} posts were not answered with 201, but with {sorted(set(refused))}"
    return posts
