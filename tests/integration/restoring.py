"""Servers that are put back to a backup of their data while their clients go on."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import RunningServer


@contextmanager
def put_back(server: RunningServer, folder: Path) -> Iterator[Callable[[], None]]:
    """Backs the server up, and gives what restores it: its data are then what they were."""
    data = server.server.data  # type: ignore[attr-defined]
    server.stop()
    shutil.copytree(data, folder)
    server.start()

    def restore() -> None:
        server.kill()
        shutil.rmtree(data)
        shutil.copytree(folder, data)
        server.start()

    yield restore
