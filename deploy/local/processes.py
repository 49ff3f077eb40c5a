"""Which processes are ours and who holds a port, read from /proc."""

import contextlib
import os
import signal
import socket
import time
from pathlib import Path

from deploy.local.places import ROOT

MARK = "ECOMMERCE_PIPELINE"  # every process of the pipeline carries it in its environment, with the working copy's path
_LISTENING = "0A"


def ours() -> dict[int, str]:
    """The pid and command line of each process that a supervisor of this working copy has started, and its own."""
    mark = f"{MARK}={ROOT}".encode()
    found = {}
    for process in _all():
        with contextlib.suppress(OSError):
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found[int(process.name)] = _command_line(process)
    return found


def end(*, grace: float = 20) -> list[str]:
    """Ends what is left of ours: SIGTERM, after `grace` seconds SIGKILL. Gives the command lines of what it ended."""
    ended = ours()
    for each, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        for pid in ours():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, each)
        deadline = time.monotonic() + patience
        while ours() and time.monotonic() < deadline:
            time.sleep(0.1)
    return list(ended.values())


def is_taken(port: int) -> bool:
    """Whether somebody listens on this port of 127.0.0.1."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False


def answers(port: int) -> bool:
    """Whether the port takes a connection."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def holder(port: int) -> int | None:
    """The process that listens on the port; None if it is another user's, or nobody."""
    inodes = _listening_inodes(port)
    for process in _all():
        with contextlib.suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                if os.readlink(descriptor) in inodes:
                    return int(process.name)
    return None


def describe(pid: int | None) -> str:
    """A process as a person would look for it."""
    return f"{_command_line(Path('/proc') / str(pid))[:120]} (pid {pid})" if pid else "another user's process"


def _all() -> list[Path]:
    return [each for each in Path("/proc").iterdir() if each.name.isdigit()]


def _command_line(process: Path) -> str:
    with contextlib.suppress(OSError):
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return "?"


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path("/proc/net", table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    return inodes
