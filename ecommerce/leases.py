"""Leases: at most one process at a time does a thing, and another takes over when it dies.

Time is the database server's, so the holders' clocks do not matter. A frozen holder that wakes up may still believe
that it holds the lease for a moment: whatever a lease guards must be safe then too.
"""

import os
import secrets
import socket
import time

from pymongo import WriteConcern
from pymongo.database import Database

from ecommerce.storage import LEASES, Document

SECONDS = 5.0


class Lease:
    """A lease named `name` in `database`, held for `seconds` after each successful `take`."""

    def __init__(self, database: Database[Document], name: str, *, seconds: float = SECONDS) -> None:
        self._leases = database.get_collection(LEASES, write_concern=WriteConcern("majority", wtimeout=5000))
        self._name = name
        self._seconds = seconds
        self._renew_at = 0.0
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

    def take(self) -> bool:
        """Takes or renews the lease; False while another holds it."""
        asked_at, self._renew_at = time.monotonic(), 0.0
        self._leases.update_one({"_id": self._name}, {"$setOnInsert": {"holder": ""}}, upsert=True)
        free = {"$or": [{"holder": {"$in": ["", self.holder]}}, {"$expr": {"$lt": ["$until", "$$NOW"]}}]}
        until = {"$add": ["$$NOW", int(self._seconds * 1000)]}
        taken = self._leases.update_one(
            {"_id": self._name, **free}, [{"$set": {"holder": {"$literal": self.holder}, "until": until}}]
        )
        if taken.matched_count != 1:
            return False
        # From before the question: the answer may have been long under way, and the lease is as old as that.
        self._renew_at = asked_at + self._seconds / 3
        return True

    def keep(self) -> bool:
        """Renews the lease when a third of it has passed; False when it was lost."""
        return time.monotonic() < self._renew_at or self.take()

    def release(self) -> None:
        """Gives the lease back, so that the next holder need not wait for its end."""
        self._renew_at = 0.0
        self._leases.update_one({"_id": self._name, "holder": self.holder}, {"$set": {"holder": ""}})


def is_held(database: Database[Document], name: str) -> bool:
    """Whether anybody holds it now. Raises `PyMongoError`."""
    holds = {"holder": {"$ne": ""}, "$expr": {"$gte": ["$until", "$$NOW"]}}
    return database[LEASES].find_one({"_id": name, **holds}) is not None
