"""Starting and stopping it all: `up` waits until everything is ready, `down` leaves no process behind."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

import httpx

from deploy.local import environment, places, processes
from deploy.local.places import LOGS, ROOT
from deploy.local.programs import DEFAULT_PORT, SERVICE_PORTS, STEPS, Program, moved, pipeline
from deploy.local.servers import NotReady
from deploy.local.supervision import Supervisor

_READY_SECONDS = 90
_LAST_LINES = 15
_FAILED = {"FATAL", "BACKOFF", "EXITED"}


class Failed(RuntimeError):
    """Something that was asked for did not happen; the message says what, and what to do."""


def up(*, only: Sequence[str] = (), reload: bool = False) -> None:
    """Starts what is not running and returns when all of it is ready. Raises `Failed`."""
    env = environment.load()
    programs = _chosen(pipeline(env, reload=reload), only)
    (places.VAR / "beat").mkdir(parents=True, exist_ok=True)
    supervisor = Supervisor()
    running = {name for name, state in supervisor.states().items() if state["pid"]}
    _check_prerequisites(env)
    _check_ports([program for program in programs if program.name not in running])
    if not only or not supervisor.is_up():
        supervisor.apply(programs, env)
    servers = [program for program in programs if program.server]
    _start(supervisor, servers)
    if len(servers) < len(programs):
        _run_steps(env)
        _start(supervisor, [program for program in programs if not program.server])
    _say_where(env, programs)


def down() -> None:
    """Stops everything. Raises `Failed` if something is left."""
    supervisor = Supervisor()
    if supervisor.is_up():
        # The other way round than it was started: what writes stops before what it writes to.
        states = supervisor.states()
        ours = [program.name for program in pipeline(environment.load()) if not program.server]
        supervisor.stop([name for name in states if name in ours])
        supervisor.stop(list(states))
        supervisor.shut_down()
        deadline = time.monotonic() + 20
        while processes.ours() and time.monotonic() < deadline:
            time.sleep(0.1)
    for ended in processes.end():
        print(f"had to end: {ended[:120]}")
    if left := processes.ours():
        raise Failed("still there: " + ", ".join(f"{command[:80]} (pid {pid})" for pid, command in left.items()))
    print("everything is down")


def ps() -> None:
    """Prints a line for each process."""
    states = Supervisor().states()
    for name, state in states.items():
        print(f"{name} {state['pid'] or '-'} {state['statename']}")
    if not states:
        raise Failed("nothing is up. Start it with: make up")


def logs(names: Sequence[str]) -> None:
    """Follows the logs, until interrupted."""
    wanted = [LOGS / f"{name}.log" for name in names] or sorted(LOGS.glob("*.log"))
    missing = [path.stem for path in wanted if not path.exists()]
    if missing or not wanted:
        raise Failed(f"there is no log of {', '.join(missing) or 'anything yet'}. The names are those of: make ps")
    os.execvp("tail", ["tail", "-n", "20", "-F", *map(str, wanted)])


def restart(names: Sequence[str]) -> None:
    """Stops these processes and starts them again."""
    supervisor = Supervisor()
    programs = _chosen(pipeline(environment.load()), names)
    if not supervisor.is_up():
        raise Failed("nothing is up. Start it with: make up")
    supervisor.stop(names)
    _start(supervisor, programs)


def _chosen(programs: list[Program], only: Sequence[str]) -> list[Program]:
    unknown = set(only) - {program.name for program in programs}
    if unknown:
        names = ", ".join(program.name for program in programs)
        raise Failed(f"there is no {', '.join(sorted(unknown))}; the names are {names}")
    return [program for program in programs if not only or program.name in only]


def _check_prerequisites(env: Mapping[str, str]) -> None:
    places.mongod()
    places.redis_server()
    places.java()
    places.kafka_classpath()
    check = [sys.executable, "-c", "from ecommerce import environment; environment.read()"]
    found = subprocess.run(check, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True)
    if found.returncode:
        raise Failed(found.stderr.strip() + "\nThe file is .env; variables of the shell win over it.")


def _check_ports(programs: Sequence[Program]) -> None:
    taken = [(program, port) for program in programs for port in program.ports if processes.is_taken(port)]
    if taken:
        lines = [
            f"port {port}, which {program.name} needs, is taken by {processes.describe(processes.holder(port))}"
            for program, port in taken
        ]
        raise Failed("\n".join(lines) + "\nNothing was started. End what holds the ports, or change them in .env")


def _start(supervisor: Supervisor, programs: Sequence[Program]) -> None:
    for program in programs:
        if program.server:
            program.server.prepare()
        if supervisor.start(program.name):
            print(f"starting {program.name}", flush=True)
    deadline = time.monotonic() + _READY_SECONDS
    for program in programs:
        _wait(supervisor, program, deadline)


def _wait(supervisor: Supervisor, program: Program, deadline: float) -> None:
    while True:
        state = supervisor.states()[program.name]["statename"]
        if state in _FAILED:
            raise Failed(f"{program.name} ended as it started.\n{_last_lines(program)}")
        if state == "RUNNING" and _is_ready(program, deadline):
            return
        if time.monotonic() >= deadline:
            raise Failed(f"{program.name} is not ready after {_READY_SECONDS} s ({state}).\n{_last_lines(program)}")
        time.sleep(0.1)


def _is_ready(program: Program, deadline: float) -> bool:
    if program.server:
        try:
            program.server.wait_ready(deadline=min(deadline, time.monotonic() + 2))
        except NotReady:
            return False
        return True
    if program.ready_url:
        try:
            return httpx.get(program.ready_url, timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False
    return all(processes.answers(port) for port in program.ports)


def _run_steps(env: Mapping[str, str]) -> None:
    for step in STEPS:
        print(f"running manage.py {step}", flush=True)
        command = [sys.executable, "manage.py", step]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"manage.py {step} failed:\n{(done.stdout + done.stderr)[-3000:]}")


def _last_lines(program: Program) -> str:
    log = LOGS / f"{program.name}.log"
    lines = log.read_text(errors="replace").splitlines()[-_LAST_LINES:] if log.exists() else []
    return "\n".join([*(f"  {line[:300]}" for line in lines), f"Its log: {log.relative_to(ROOT)}"])


def _say_where(env: Mapping[str, str], programs: Sequence[Program]) -> None:
    names = {program.name for program in programs}
    if "web" in names:
        base = f"http://127.0.0.1:{moved(DEFAULT_PORT, env)}"
        print(f"up: {base} (admin {base}/admin/, API {base}/api/v1/)")
        print(
            "services: "
            + ", ".join(f"{name} http://127.0.0.1:{moved(port, env)}" for name, port in SERVICE_PORTS.items())
        )
        print("users and products: make seed; processes: make ps; the end: make down")
    else:
        print(f"up: {', '.join(sorted(names))}")
