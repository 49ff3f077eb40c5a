"""A copy of this working copy with ports of its own, and a shell in it: what a reader of the documents has."""

import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.processes import is_taken
from deploy.local.programs import METRICS_PORTS, SERVICE_PORTS
from ecommerce.environment import Environment
from tests.copies import copy_tree
from tests.docs.keeper import MARK
from tests.servers import free_ports

OURS = (3000, *SERVICE_PORTS.values(), *METRICS_PORTS.values())
_KEEPER = Path(__file__).with_name("keeper.py")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    said: str


class Copy:
    """The copy in `folder`. `ports` are its own by those that the documents name; `mark` is what the keeper ends."""

    def __init__(self, folder: Path, ports: Mapping[int, int], *, mark: str) -> None:
        self.folder, self.ports = folder, ports
        self.env = _environment(ports) | {MARK: mark}
        self._bash = self._popen(["bash", "--noprofile", "--norc"])
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def with_its_ports(self, text: str) -> str:
        """The text with the copy's ports in place of the documents'."""
        named = "|".join(map(str, self.ports))
        return re.sub(rf"(?<=[\s:])({named})\b", lambda found: str(self.ports[int(found[0])]), text)

    def run(self, command: str, *, seconds: float = 300) -> Done:
        """Runs a command in the copy's shell, whose variables stay for the next."""
        assert self._bash.stdin
        mark = f"done-{time.monotonic_ns()}"
        self._bash.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\n%s %s\\n' {mark} $?\n")
        self._bash.stdin.flush()
        said, deadline = list[str](), time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{command} takes more than {seconds} s:\n{''.join(said)}") from None
            if line.startswith(mark):
                return Done(int(line.split()[1]), "".join(said))
            said.append(line)

    def follow(self, command: str, *, seconds: float = 60) -> Done:
        """Runs a command that does not end until it has said something, and ends it with Ctrl-C."""
        process = self._popen(["bash", "--noprofile", "--norc", "-c", f"{ACTIVATE}; {command}"])
        watch = threading.Timer(seconds, os.killpg, (process.pid, signal.SIGKILL))
        watch.start()
        assert process.stdout
        first = process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        rest, _ = process.communicate()
        watch.cancel()
        return Done(process.returncode, first + rest)

    def _popen(self, command: list[str]) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _listen(self) -> None:
        assert self._bash.stdout
        for line in self._bash.stdout:
            self._lines.put(line)


ACTIVATE = '. .venv/bin/activate && export PATH="$PWD:$PATH"'


@contextmanager
def fresh_copy() -> Iterator[Copy]:
    """A copy, of which nothing is left at the end, nor when this process is killed."""
    above = tempfile.mkdtemp(prefix=f"ecommerce-test-{os.getpid()}-")
    keeping = [sys.executable, str(_KEEPER), above]
    keeper = subprocess.Popen(keeping, stdin=subprocess.PIPE, start_new_session=True)
    try:
        copy = Copy(copy_tree(Path(above, "ecommerce-orders")), _ports(), mark=above)
        copy.run(ACTIVATE)
        yield copy
    finally:
        keeper.communicate()


def _ports() -> dict[int, int]:
    """Free ones. Those of our processes keep their distances."""
    mongo, kafka, redis, gateway, carrier = free_ports(5)
    while True:
        [web] = free_ports(1)
        moved = {port: port + web - OURS[0] for port in OURS}
        others = {27017: mongo, 9092: kafka, 6379: redis, 4101: gateway, 4102: carrier}
        wanted = [*moved.values(), *others.values(), kafka + 1]
        if len(set(wanted)) == len(wanted) and not any(map(is_taken, wanted)):
            return moved | others


def _environment(ports: Mapping[int, int]) -> dict[str, str]:
    """This process's without what the tests' settings put there. The rest is in the `.env` that `make up` makes."""
    not_theirs = {*Environment.model_fields, "DJANGO_SETTINGS_MODULE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONPATH"}
    kept = {name: value for name, value in os.environ.items() if name not in not_theirs}
    return kept | {
        "PORT": str(ports[3000]),
        "MONGO_URI": f"mongodb://127.0.0.1:{ports[27017]}/?replicaSet=rs0",
        "KAFKA_BROKERS": f"127.0.0.1:{ports[9092]}",
        "REDIS_URL": f"redis://127.0.0.1:{ports[6379]}/0",
        "GATEWAY_URL": f"http://127.0.0.1:{ports[4101]}",
        "CARRIER_URL": f"http://127.0.0.1:{ports[4102]}",
        "ORDER_DEADLINE_SECONDS": "30",  # which some of the demo's orders wait for
    }
