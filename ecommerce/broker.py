"""Redis as Celery's broker, where kombu's transport is not what a worker can live with."""

from typing import Any

from kombu.transport import redis
from redis.exceptions import ConnectionError as Lost


class QoS(redis.QoS):  # type: ignore[misc]
    """What a worker was given and has not acknowledged yet."""

    def restore_unacked(self, client: Any = None) -> Any:
        """Gives it back to its queue, unless the connection is lost: then the sweeps ask again for it."""
        if self.channel.is_lost:
            self._delivered.clear()
            return None
        return super().restore_unacked(client)  # type: ignore[no-untyped-call]


class Channel(redis.Channel):  # type: ignore[misc]
    """One that outlives its connection says so.

    A worker has its channel until the last task that came by it is acknowledged. kombu's own raises AttributeError
    then, of which the worker dies; from an error of the connection it recovers.
    """

    QoS = QoS
    _client_of_pool: Any = None

    @property
    def is_lost(self) -> bool:
        return self.connection is None or self.connection.client is None

    def _create_client(self, asynchronous: bool = False) -> Any:
        """One for all that goes through this channel's pool; kombu makes one for each command, in 0.2 ms of CPU."""
        if asynchronous:
            return super()._create_client(asynchronous=True)  # type: ignore[no-untyped-call]
        if self._client_of_pool is None or self._client_of_pool.connection_pool is not self.pool:
            self._client_of_pool = super()._create_client()  # type: ignore[no-untyped-call]
        return self._client_of_pool

    def _connparams(self, *args: Any, **kwargs: Any) -> Any:
        if self.is_lost:
            raise Lost("the connection of this channel is gone")
        return super()._connparams(*args, **kwargs)  # type: ignore[no-untyped-call]


def install() -> None:
    """For all connections of this process."""
    redis.Transport.Channel = Channel
