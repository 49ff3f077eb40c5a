"""Sealed personal data: each customer has a data key; destroying it erases every copy of what it sealed.

A sealed text is AES-256-GCM with a random nonce, in base64. It is bound to its context (the order and the purpose), so
that it cannot be moved elsewhere. Data keys lie in the platform's database, wrapped by a master key.
"""

import base64
import hashlib
import hmac
import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ecommerce import identity, masterkeys
from ecommerce.masterkeys import Locked
from ecommerce.platform.models import DataKey, User

CACHE_SECONDS = 60.0
_NONCE = 12


class Erased(Exception):
    """The key is destroyed or was never there: what it sealed cannot be read by anybody, ever."""


class _Held(NamedTuple):
    """A data key in memory: until when, what seals, and what makes fingerprints."""

    until: float
    cipher: AESGCM
    prints: bytes


class Vault:
    """Seals and unseals. Thread-safe; keeps a key in memory for at most `CACHE_SECONDS` after it was read."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._masters = masterkeys.configured()
        self._clock = clock
        self._keys: dict[str, _Held] = {}
        self._current: dict[str, tuple[float, str]] = {}  # customer → until when, key id
        self._lock = threading.Lock()

    def seal(self, key_id: str, plaintext: str, *, context: str) -> str:
        """Seals with a key that `key_of` gave. Raises `Erased`, `Locked`."""
        nonce = os.urandom(_NONCE)
        cipher = self._key(key_id).cipher
        return base64.b64encode(nonce + cipher.encrypt(nonce, plaintext.encode(), context.encode())).decode()

    def unseal(self, key_id: str, sealed: str, *, context: str) -> str:
        """What was sealed. Raises `Erased`, `Locked`, or `ValueError` for a text that was tampered with or moved."""
        data = base64.b64decode(sealed)
        try:
            return self._key(key_id).cipher.decrypt(data[:_NONCE], data[_NONCE:], context.encode()).decode()
        except InvalidTag as error:
            raise ValueError(f"the sealed {context} was tampered with or moved") from error

    def fingerprint(self, key_id: str, text: str) -> str:
        """An HMAC that tells one text from another. Like what is sealed, it is worth nothing without the key.

        It does not depend on the master key. Raises `Erased`, `Locked`.
        """
        return hmac.new(self._key(key_id).prints, text.encode(), hashlib.sha256).hexdigest()

    def key_of(self, customer_id: str) -> str:
        """The id of the customer's present key; makes one where there is none. Raises `Erased` for a closed account."""
        now = self._clock()
        until, key_id = self._current.get(customer_id, (0.0, ""))
        if now < until:
            return key_id
        keys = DataKey.objects.filter(customer_id=customer_id, destroyed_at=None).order_by("created_at")
        # Two first orders at once may make two keys: both work, and both are destroyed when the customer is erased.
        key = keys.first() or self._new_key(customer_id)
        with self._lock:
            self._remember(key, read_at=now)
            self._current[customer_id] = (now + CACHE_SECONDS, key.pk)
        return str(key.pk)

    def load(self, key_ids: Iterable[str]) -> None:
        """Reads many keys at once into memory, for those about to unseal a batch."""
        now = self._clock()
        missing = {key_id for key_id in key_ids if key_id not in self._keys or self._keys[key_id].until <= now}
        if missing:
            found = list(DataKey.objects.filter(pk__in=missing, destroyed_at=None))
            with self._lock:
                for key in found:
                    with suppress(Locked):  # whoever unseals with it is told
                        self._remember(key, read_at=now)

    def erase(self, customer_id: str, *, made_before: datetime | None = None) -> int:
        """Destroys the customer's keys; gives their number. Others forget them within `CACHE_SECONDS`."""
        keys = DataKey.objects.filter(customer_id=customer_id, destroyed_at=None)
        keys = keys.filter(created_at__lt=made_before) if made_before else keys
        ids = list(keys.values_list("pk", flat=True))
        DataKey.objects.filter(pk__in=ids).update(wrapped=None, destroyed_at=identity.now())
        self._forget(*ids)
        return len(ids)

    def _key(self, key_id: str) -> _Held:
        now = self._clock()
        held = self._keys.get(key_id)
        if held is None or held.until <= now:
            key = DataKey.objects.filter(pk=key_id, destroyed_at=None).first()
            if key is None:
                self._forget(key_id)
                raise Erased(f"the key {key_id} is destroyed")
            with self._lock:
                held = self._remember(key, read_at=now)
        return held

    def _forget(self, *key_ids: str) -> None:
        with self._lock:
            for key_id in key_ids:
                self._keys.pop(key_id, None)
            self._current = {who: current for who, current in self._current.items() if current[1] not in key_ids}

    def _new_key(self, customer_id: str) -> DataKey:
        # An access token outlives its account by minutes.
        if User.objects.filter(pk=customer_id, is_active=False).exists():
            raise Erased(f"the account {customer_id} is closed")
        key = DataKey(customer_id=customer_id, created_at=identity.now(), master=self._masters.present)
        key.wrapped = self._masters.wrap(AESGCM.generate_key(256), key_id=key.pk)
        key.save(force_insert=True)
        return key

    def _remember(self, key: DataKey, *, read_at: float) -> _Held:
        # From before it was read: a slow answer must not make it live longer than whoever erases waits.
        data_key = self._masters.unwrap(bytes(key.wrapped or b""), key_id=key.pk, master=key.master)
        prints = hmac.digest(data_key, b"fingerprints", "sha256")
        self._keys[key.pk] = _Held(read_at + CACHE_SECONDS, AESGCM(data_key), prints)
        return self._keys[key.pk]


_vault: Vault | None = None


def vault() -> Vault:
    """The vault of this process."""
    global _vault
    if _vault is None:
        _vault = Vault()
    return _vault
