"""Servers in the background: started with a clean environment and a log file, stopped by their own process ids."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 10
POLL_SECONDS = 0.1
LOG_LINES_SHOWN = 20

# What a shell reports for a command that Ctrl-C ended.
INTERRUPTED = 130

# All that a server needs of this machine's environment. A function's process inherits the emulator's, and so must not
# see the developer's own AWS settings.
INHERITED = ("HOME", "LANG", "PATH")


@dataclass(frozen=True)
class Server:
    """A running server. Its process leads a group of its own, in which its children are."""

    name: str
    pid: int
    port: int
    log: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def free_port(wanted: int | None, preferred: int) -> int:
    """The requested port, else the preferred one, else any free port."""
    if wanted is not None:
        if _taken(wanted):
            sys.exit(f"port {wanted} is taken; give another one, or none and a free one is chosen")
        return wanted
    return free_ports(1)[0] if _taken(preferred) else preferred


def free_ports(count: int) -> list[int]:
    """Distinct free ports."""
    with contextlib.ExitStack() as probes:
        sockets = [probes.enter_context(socket.socket()) for _ in range(count)]
        for probe in sockets:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in sockets]


def inherited() -> dict[str, str]:
    """What a server gets of this machine's environment."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return kept | {"SAM_CLI_TELEMETRY": "0", "PYTHONUNBUFFERED": "1"}


def start(name: str, command: list[str], environment: dict[str, str], port: int, log: Path) -> Server:
    """Starts a server and waits until it listens. Exits with the end of its log where it does not."""
    server = launch(name, command, environment, port, log)
    wait(server)
    return server


def launch(name: str, command: list[str], environment: dict[str, str], port: int, log: Path) -> Server:
    """Starts a server and does not wait for it."""
    if not any(name in part for part in command):
        raise ValueError(f"the command line of {name} must name it: by that it is known when it is to be stopped")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    return Server(name, process.pid, port, str(log))


def wait(server: Server) -> None:
    """Waits until a server that this process launched listens. Exits with the end of its log where it does not."""
    deadline = time.monotonic() + START_SECONDS_MAX
    try:
        while not _taken(server.port):
            if _has_ended(server) or time.monotonic() > deadline:
                sys.exit(f"{server.name} did not start; the end of {server.log}:\n{tail(server.log)}")
            time.sleep(POLL_SECONDS)
    except BaseException:
        stop(server)
        raise


def is_running(server: Server) -> bool:
    """Whether the process still is that server, and no other has been given its id since."""
    shown = subprocess.run(["ps", "-o", "stat=,args=", "-p", str(server.pid)], capture_output=True, text=True)
    return server.name in shown.stdout and not shown.stdout.lstrip().startswith("Z")


def stop(server: Server) -> None:
    """Stops a server and its children; what does not go in time is killed."""
    if not is_running(server):
        return
    _signal(server, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS_MAX
    while is_running(server) and time.monotonic() < deadline:
        _reap(server)
        time.sleep(POLL_SECONDS)
    # The group may outlive its leader: functions are the local AWS's children.
    _signal(server, signal.SIGKILL)
    _reap(server)


def tail(log: Path | str) -> str:
    return "\n".join(Path(log).read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:])


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _signal(server: Server, number: int) -> None:
    try:
        os.killpg(server.pid, number)
    except ProcessLookupError:
        pass


def _has_ended(server: Server) -> bool:
    """Whether the process of a server that this process launched is gone."""
    return os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _reap(server: Server) -> None:
    try:
        os.waitpid(server.pid, os.WNOHANG)
    except ChildProcessError:
        pass  # another command started it
