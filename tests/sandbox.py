"""Sandbox servers as processes of their own, for tests: on a free port, with a ledger in a temporary folder."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

ROOT = Path(__file__).parent.parent
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _die_with_the_test_runner() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Sandbox:
    """`python -m deploy.sandbox.<name>`, running inside the `with` block; it can be killed and started again."""

    def __init__(self, name: str, folder: Path, *options: str, env: Mapping[str, str] | None = None) -> None:
        self.ledger = folder / name / "ledger.db"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=30)
        self._options = options
        self._env = env or {}
        self._module = f"deploy.sandbox.{name}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the server and returns when it answers."""
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                self._module,
                "--port",
                str(self.port),
                "--ledger",
                str(self.ledger),
                *self._options,
            ],
            cwd=ROOT,
            env={**os.environ, **self._env},
            preexec_fn=_die_with_the_test_runner,
        )
        deadline = time.monotonic() + 20
        while not self._answers():
            assert self._process.poll() is None, f"{self._module} ended with {self._process.returncode}"
            assert time.monotonic() < deadline, f"{self._module} does not answer"
            time.sleep(0.02)

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Ends the server with a signal and gives its exit code."""
        assert self._process
        self._process.send_signal(with_signal)
        return self._process.wait(10)

    def ask(self, endpoint: str, *operations: dict[str, Any], **also: Any) -> list[dict[str, Any]]:
        """The results of a batch."""
        response = self.http.post(f"/{endpoint}", json={"operations": operations, **also})
        assert response.status_code == 200, response.text
        results: list[dict[str, Any]] = response.json()["results"]
        return results

    def movements(self, order: str) -> list[tuple[str, int | None]]:
        """Kind and amount of everything the ledger has of `order`."""
        movements = self.http.get(f"/ledger/{order}").json()["movements"]
        return [(movement["kind"], movement.get("amount")) for movement in movements]

    def _answers(self) -> bool:
        try:
            return self.http.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()
        if self._process and self._process.poll() is None:
            self.stop(signal.SIGKILL)
