"""Telling the client by itself: signed notices, kept in the ledger and sent until they are acknowledged with a 2xx.

A notice is a result as JSON. Its header is `Carrier-Signature: t=<seconds since 1970>,v1=<hex>`, where v1 is the
HMAC-SHA256 of `<t>.<body>`. Notices may come twice and in any sequence.
"""

import asyncio
import hashlib
import hmac
import random
import time
from typing import Final

import httpx
import msgspec

from deploy.sandbox.ledger import Ledger, Notice

HEADER: Final = "Carrier-Signature"
_AT_ONCE = 50
_TIMEOUT = 5.0
_BACKOFF, _MAX_BACKOFF = 0.1, 5.0


def signature(body: bytes, *, secret: str, at: int) -> str:
    """The header's value for a `body` that is sent `at` so many seconds since 1970."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class Webhooks:
    """The notices of one party to `url`."""

    def __init__(self, *, ledger: Ledger, url: str, secret: str) -> None:
        self._ledger = ledger
        self._url = url
        self._secret = secret
        self._more = asyncio.Event()

    def notify(self, order: str, status: str, content: msgspec.Struct) -> None:
        """Keeps a notice, with the writes that it tells of: one of each status an order. Then it is sent."""
        self._ledger.keep_notice(order, status, msgspec.json.encode(content))
        self._more.set()

    async def run(self) -> None:
        """Sends what is kept, and what comes, until cancelled."""
        failed = 0
        # No proxies out of the environment: who is told is what the command line says.
        async with httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as client:
            while True:
                self._more.clear()
                notices = await self._ledger.write(lambda: self._ledger.notices(limit=_AT_ONCE))
                if not notices:
                    await self._more.wait()
                    continue
                sent = await asyncio.gather(*(self._send(client, notice) for notice in notices))
                failed = 0 if all(sent) else failed + 1
                if failed:
                    await asyncio.sleep(random.uniform(0, min(_MAX_BACKOFF, _BACKOFF * 2 ** min(failed, 10))))

    async def _send(self, client: httpx.AsyncClient, notice: Notice) -> bool:
        headers = {"content-type": "application/json"}
        headers[HEADER] = signature(notice.body, secret=self._secret, at=int(time.time()))
        try:
            acknowledged = (await client.post(self._url, content=notice.body, headers=headers)).is_success
        except httpx.HTTPError:
            acknowledged = False
        done = self._ledger.drop_notice if acknowledged else self._ledger.put_off_notice
        await self._ledger.write(lambda: done(notice.seq))
        return acknowledged
