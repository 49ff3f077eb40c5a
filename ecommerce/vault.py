"""Sealed personal data: each customer has a data key; destroying it erases every copy of what it sealed.

A sealed text is AES-256-GCM with a random nonce, in base64. It is bound to its context (the order and the purpose), so
that it cannot be moved elsewhere. Data keys lie in the platform's database, wrapped by the master key.
"""

import base64
import os
import threading
import time
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from ecommerce import identity
from ecommerce.platform.models import DataKey

CACHE_SECONDS = 60.0
_NONCE = 12


class Erased(Exception):
    """The key is destroyed or was never there: what it sealed cannot be read by anybody, ever."""


class Vault:
    """Seals and unseals. Thread-safe; keeps keys in memory for at most `CACHE_SECONDS`."""

    def __init__(self) -> None:
        self._master = AESGCM(settings.MASTER_KEY)
        self._keys: dict[str, tuple[float, AESGCM]] = {}  # key id → until when, key
        self._current: dict[str, tuple[float, str]] = {}  # customer → until when, key id
        self._lock = threading.Lock()

    def seal(self, key_id: str, plaintext: str, *, context: str) -> str:
        """Seals with a key that `key_of` gave. Raises `Erased`."""
        nonce = os.urandom(_NONCE)
        return base64.b64encode(nonce + self._key(key_id).encrypt(nonce, plaintext.encode(), context.encode())).decode()

    def unseal(self, key_id: str, sealed: str, *, context: str) -> str:
        """What was sealed. Raises `Erased`, or `ValueError` for a text that was tampered with or moved."""
        data = base64.b64decode(sealed)
        try:
            return self._key(key_id).decrypt(data[:_NONCE], data[_NONCE:], context.encode()).decode()
        except InvalidTag as error:
            raise ValueError(f"the sealed {context} was tampered with or moved") from error

    def key_of(self, customer_id: str) -> str:
        """The id of the customer's present key; makes one where there is none."""
        until, key_id = self._current.get(customer_id, (0.0, ""))
        if time.monotonic() < until:
            return key_id
        keys = DataKey.objects.filter(customer_id=customer_id, destroyed_at=None).order_by("created_at")
        # Two first orders at once may make two keys: both work, and both are destroyed when the customer is erased.
        key = keys.first() or self._new_key(customer_id)
        with self._lock:
            self._remember([key])
            self._current[customer_id] = (time.monotonic() + CACHE_SECONDS, key.pk)
        return str(key.pk)

    def load(self, key_ids: Iterable[str]) -> None:
        """Reads many keys at once into memory, for those about to unseal a batch."""
        now = time.monotonic()
        missing = {key_id for key_id in key_ids if self._keys.get(key_id, (0.0, None))[0] <= now}
        if missing:
            found = list(DataKey.objects.filter(pk__in=missing, destroyed_at=None))
            with self._lock:
                self._remember(found)

    def erase(self, customer_id: str) -> int:
        """Destroys the customer's keys; gives their number. Others forget them within `CACHE_SECONDS`."""
        keys = DataKey.objects.filter(customer_id=customer_id, destroyed_at=None)
        ids = list(keys.values_list("pk", flat=True))
        keys.update(wrapped=None, destroyed_at=identity.now())
        with self._lock:
            self._current.pop(customer_id, None)
            for key_id in ids:
                self._keys.pop(key_id, None)
        return len(ids)

    def _key(self, key_id: str) -> AESGCM:
        until, key = self._keys.get(key_id, (0.0, None))
        if key is None or time.monotonic() >= until:
            self._keys.pop(key_id, None)
            self.load([key_id])
            if key_id not in self._keys:
                raise Erased(f"the key {key_id} is destroyed")
            key = self._keys[key_id][1]
        return key

    def _new_key(self, customer_id: str) -> DataKey:
        key = DataKey(customer_id=customer_id, created_at=identity.now())
        nonce = os.urandom(_NONCE)
        data_key = AESGCM.generate_key(256)
        key.wrapped = nonce + self._master.encrypt(nonce, data_key, key.pk.encode())
        key.save(force_insert=True)
        return key

    def _remember(self, keys: Iterable[DataKey]) -> None:
        until = time.monotonic() + CACHE_SECONDS
        for key in keys:
            wrapped = bytes(key.wrapped or b"")
            data_key = self._master.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], key.pk.encode())
            self._keys[key.pk] = (until, AESGCM(data_key))


_vault: Vault | None = None


def vault() -> Vault:
    """The vault of this process."""
    global _vault
    if _vault is None:
        _vault = Vault()
    return _vault
