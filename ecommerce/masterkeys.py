"""Master keys wrap the customers' data keys: the present one wraps, those before it still unwrap.

Rotation: the new key becomes MASTER_KEY, the former one joins MASTER_KEYS_OLD, `manage.py rotate_master_key` wraps all
data keys anew, and then the former one can go. Each wrapped key names its master key by an id that gives nothing away.
"""

import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_NONCE = 12


class Locked(Exception):
    """A data key is there, but not the master key that wraps it. Nothing is lost: the message says what to set."""


def id_of(master_key: bytes) -> str:
    """The id of a master key: 16 hexadecimal digits."""
    return hashlib.sha256(b"master key id:" + master_key).hexdigest()[:16]


class MasterKeys:
    """The keys of `MASTER_KEY` (`present`, its id) and `MASTER_KEYS_OLD`."""

    def __init__(self, present: bytes, old: Sequence[bytes] = ()) -> None:
        self.present = id_of(present)
        self._keys = {id_of(key): AESGCM(key) for key in (present, *old)}

    def wrap(self, data_key: bytes, *, key_id: str) -> bytes:
        """The data key `key_id` as it may be stored, wrapped by the present master key."""
        nonce = os.urandom(_NONCE)
        return nonce + self._keys[self.present].encrypt(nonce, data_key, key_id.encode())

    def unwrap(self, wrapped: bytes, *, key_id: str, master: str) -> bytes:
        """What was wrapped by the master key of the id `master`; "" is of a time without ids. Raises `Locked`."""
        for id in [master] if master else self._keys:
            try:
                return self._keys[id].decrypt(wrapped[:_NONCE], wrapped[_NONCE:], key_id.encode())
            except (InvalidTag, KeyError):
                continue
        which = f"master key {master}" if master else "a master key without an id"
        raise Locked(
            f"the data key {key_id} is wrapped by {which}, and none of MASTER_KEY and MASTER_KEYS_OLD opens it: "
            "add that master key to MASTER_KEYS_OLD"
        )


def configured() -> MasterKeys:
    """The master keys of this process's settings."""
    return MasterKeys(settings.MASTER_KEY, settings.MASTER_KEYS_OLD)
