"""PyMongo's connection pool, without the connections that could never carry a session.

PyMongo asks each new connection once what the member of the replica set at its other end is. One that is neither
primary nor secondary just then (it recovers, or is stepping down or up) is remembered as knowing no sessions, and
step-downs leave pools as they are since MongoDB 4.2. So every transaction that such a connection is chosen for fails
for good, also when the member has long been primary.
"""

from typing import Any

from pymongo.errors import AutoReconnect
from pymongo.monitoring import ConnectionClosedReason
from pymongo.synchronous import pool


class Pool(pool.Pool):
    """A connection to a member that cannot be read fails, as one to a member that is down: another is tried for."""

    def connect(self, *arguments: Any, **options: Any) -> pool.Connection:
        connection = super().connect(*arguments, **options)
        if self.is_sdam or connection.supports_sessions:
            return connection
        with self.lock:
            self.active_contexts.discard(connection.cancel_context)
        connection.close_conn(ConnectionClosedReason.ERROR)
        raise AutoReconnect(f"{self.address}: neither primary nor secondary")
