"""supervisord, told what to keep running: its configuration, its start and its calls."""

import configparser
import hashlib
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import Faults, SupervisorTransport

from deploy.local.places import LOGS, ROOT, RUN
from deploy.local.processes import MARK
from deploy.local.programs import Program

CONFIG = RUN / "supervisord.conf"
_SOCKET_LENGTH = 90  # of 107 bytes that the kernel allows; supervisord appends its pid
_START_SECONDS = 20
# supervisord waits a second longer after each failed start: it gives up after some eight minutes.
_START_RETRIES = 30
_SETTLE_SECONDS = 4  # a process that ends sooner has failed to start
_LOG_BYTES, _LOG_BACKUPS = 20_000_000, 2
_LEAN = {"MALLOC_ARENA_MAX": "2", "PYTHONUNBUFFERED": "1"}
_NOT_PASSED_ON = ("PYTHONDONTWRITEBYTECODE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")


class SupervisorError(RuntimeError):
    """supervisord does not do what it was told; the message says why."""


class Supervisor:
    """The supervisord of this working copy, running or not."""

    def is_up(self) -> bool:
        """Whether it answers."""
        try:
            return bool(self._call("getPID"))
        except SupervisorError:
            return False

    def states(self) -> dict[str, dict[str, Any]]:
        """What it knows of each process: statename, pid and more. Empty when it is not up."""
        return {each["name"]: each for each in self._call("getAllProcessInfo")} if self.is_up() else {}

    def apply(self, programs: Sequence[Program], env: Mapping[str, str]) -> list[str]:
        """Has it know exactly `programs`, starting it if need be. Stops those that have changed; gives their names."""
        RUN.mkdir(parents=True, exist_ok=True, mode=0o700)
        LOGS.mkdir(exist_ok=True)
        _write(_configuration(programs, env))
        if self.is_up():
            return self._reload()
        self._launch(env)
        return []

    def start(self, name: str) -> bool:
        """Has it started, without waiting; false if it runs."""
        try:
            return bool(self._call("startProcess", name, False))
        except Fault as fault:
            if fault.faultCode == Faults.ALREADY_STARTED:
                return False
            raise SupervisorError(f"{name} cannot be started: {fault.faultString}") from fault

    def stop(self, names: Sequence[str]) -> None:
        """Stops these side by side and returns when all have ended."""
        for name in names:
            try:
                self._call("stopProcess", name, False)
            except Fault as fault:
                if fault.faultCode not in (Faults.NOT_RUNNING, Faults.BAD_NAME):
                    raise SupervisorError(f"{name} cannot be stopped: {fault.faultString}") from fault
        while any(self.states().get(name, {}).get("pid") for name in names):
            time.sleep(0.1)

    def shut_down(self) -> None:
        """Ends supervisord itself, and whatever it still runs."""
        self._call("shutdown")

    def _reload(self) -> list[str]:
        [[added, changed, removed]] = self._call("reloadConfig")
        running = [name for name in changed if self.states()[name]["pid"]]
        self.stop([*changed, *removed])
        for name in [*changed, *removed]:
            self._call("removeProcessGroup", name)
        for name in [*added, *changed]:
            self._call("addProcessGroup", name)
        return running

    def _launch(self, env: Mapping[str, str]) -> None:
        inherited = {name: value for name, value in os.environ.items() if name not in {*env, *_NOT_PASSED_ON}}
        launching = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(CONFIG)],
            env=inherited | {MARK: str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        deadline = time.monotonic() + _START_SECONDS
        while not self.is_up():
            if launching.returncode or time.monotonic() > deadline:
                said = (launching.stderr + launching.stdout).strip()[-1000:]
                raise SupervisorError(f"supervisord does not start: {said or f'see {LOGS}/supervisord.log'}")
            time.sleep(0.05)

    def _call(self, method: str, *arguments: Any) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{_socket()}")
        try:
            return getattr(ServerProxy("http://127.0.0.1", transport=transport).supervisor, method)(*arguments)
        except OSError as error:
            raise SupervisorError("supervisord is not up. Start the pipeline with: make up") from error
        finally:
            transport.close()


def _socket() -> Path:
    """Beside its configuration, or where the path is too long for a socket, in a temporary folder noted there."""
    try:
        config = configparser.RawConfigParser()
        config.read(CONFIG)
        return Path(config["unix_http_server"]["file"].replace("%%", "%"))
    except (KeyError, configparser.Error):
        return _new_socket()


def _new_socket() -> Path:
    path = RUN / "supervisor.sock"
    if len(os.fsencode(path)) <= _SOCKET_LENGTH:
        return path
    folder = Path(tempfile.gettempdir(), f"ecommerce-{os.getuid()}-{hashlib.sha256(bytes(ROOT)).hexdigest()[:12]}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise SupervisorError(f"{folder} belongs to another user. Set TMPDIR to a folder of your own.")
    return folder / "supervisor.sock"


def _write(text: str) -> None:
    fresh = CONFIG.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    fresh.replace(CONFIG)


def _configuration(programs: Sequence[Program], env: Mapping[str, str]) -> str:
    sections: dict[str, dict[str, object]] = {
        "unix_http_server": {"file": _escape(_socket()), "chmod": "0700"},
        "supervisord": {
            "logfile": _escape(LOGS / "supervisord.log"),
            "logfile_maxbytes": _LOG_BYTES,
            "logfile_backups": 1,
            "pidfile": _escape(RUN / "supervisord.pid"),
            "childlogdir": _escape(LOGS),
            "nocleanup": "true",
            **({"user": "root"} if os.getuid() == 0 else {}),
        },
        "rpcinterface:supervisor": {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface",
        },
    }
    for priority, program in enumerate(programs):
        sections[f"program:{program.name}"] = _section(program, priority, {**env, **program.env})
    return "\n".join(
        f"[{name}]\n" + "".join(f"{option} = {value}\n" for option, value in options.items())
        for name, options in sections.items()
    )


def _section(program: Program, priority: int, env: Mapping[str, str]) -> dict[str, object]:
    return {
        "command": _escape(shlex.join(program.command)),
        "environment": ",".join(f"{name}={_quote(name, value)}" for name, value in {**_LEAN, **env}.items()),
        "directory": _escape(ROOT),
        "priority": priority,
        "autostart": "false",  # `up` starts each when what it needs is there
        "autorestart": "true",
        "startsecs": 1 if program.server else _SETTLE_SECONDS,
        "startretries": _START_RETRIES,
        "stopwaitsecs": program.stop_seconds,
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": _escape(LOGS / f"{program.name}.log"),
        "stdout_logfile_maxbytes": _LOG_BYTES,
        "stdout_logfile_backups": _LOG_BACKUPS,
    }


def _escape(value: object) -> str:
    return str(value).replace("%", "%%")


def _quote(name: str, value: str) -> str:
    """supervisord knows no escapes: one kind of quotes, one line, and no ` ;` or ` #`, which start comments."""
    quote = "'" if '"' in value else '"'
    if quote in value or "\n" in value or re.search(r"\s[;#]", value):
        raise SupervisorError(f"{name} has both kinds of quotes, a line break or a comment in it. Change it in .env")
    return f"{quote}{_escape(value)}{quote}"
