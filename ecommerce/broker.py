"""Redis as Celery's broker, where kombu's transport is not what a worker can live with."""

from typing import Any

from kombu.transport import redis


class QoS(redis.QoS):  # type: ignore[misc]
    """What a worker was given and has not acknowledged yet."""

    def restore_unacked(self, client: Any = None) -> Any:
        """Gives it back to its queue, unless the connection is lost: kombu's own dies of that, and the worker with it.

        The sweeps ask again for what is not given back.
        """
        if self.channel.connection.client is None:
            self._delivered.clear()
            return None
        return super().restore_unacked(client)  # type: ignore[no-untyped-call]


def install() -> None:
    """For all connections of this process."""
    redis.Channel.QoS = QoS
