"""The project's own processes in tests: as `make up` runs them, against the tests' servers."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import places
from deploy.local.servers import NotReady
from tests.servers import RunningServer


def _at_once() -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class ProjectProcess:
    """A Python process of this working copy, or of that at `tree`. `is_ready` is polled; by default it is at once."""

    name: str
    arguments: Sequence[str]
    is_ready: Callable[[], bool] = field(default=_at_once)
    env: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    tree: Path = places.ROOT

    def prepare(self) -> None:
        """Nothing to prepare."""

    def command(self) -> list[str]:
        """What is run; the rest of the environment is the tests' own."""
        # The tests' settings would choose new ports.
        variables = {"PYTHONPATH": str(self.tree), "DJANGO_SETTINGS_MODULE": "ecommerce.settings", **self.env}
        arguments = [str(self.tree / "manage.py") if each == MANAGE else each for each in self.arguments]
        return ["env", *(f"{name}={value}" for name, value in variables.items()), sys.executable, *arguments]

    def wait_ready(self, *, deadline: float) -> None:
        """Returns when it is ready. Raises `NotReady`."""
        while not self.is_ready():
            if time.monotonic() >= deadline:
                raise NotReady(f"{self.name} is not ready")
            time.sleep(0.05)


def running(process: ProjectProcess, folder: Path) -> RunningServer:
    """The process, not started yet, with its log in `folder`."""
    return RunningServer(process, folder / f"{process.name}.log")


def commanded(*arguments: str, env: Mapping[str, str]) -> "subprocess.Popen[str]":
    """`manage.py` as a person runs it who has these variables, with all that it says in one pipe."""
    variables = {**os.environ, "DJANGO_SETTINGS_MODULE": "ecommerce.settings", **env}
    return subprocess.Popen(
        [sys.executable, MANAGE, *arguments],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


MANAGE = str(places.ROOT / "manage.py")
