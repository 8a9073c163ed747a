"""Runs commands concurrently, so that those that wait do not delay the others.

    python local/concurrently.py COMMAND [-- COMMAND]...

Run by `make test`. The output of the first command is shown as it is written, the output of the others when the first has ended, in
their order. Ends with 1 if a command failed, after all have ended.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import IO

import processes

SEPARATOR = "--"


@dataclass
class Running:
    """A running command, and the file with its output; None: its output is shown."""

    command: list[str]
    process: subprocess.Popen[bytes]
    output: IO[bytes] | None
    began: float

    def end(self) -> bool:
        """Waits for its end, shows its output, and returns whether it succeeded."""
        code = self.process.wait()
        if self.output:
            seconds = time.monotonic() - self.began
            print(f"==> {' '.join(self.command)} (ended after at most {seconds:.0f} s, with {code})", flush=True)
            self.output.seek(0)
            sys.stdout.buffer.write(self.output.read())
            sys.stdout.flush()
        return code == 0


def split(arguments: list[str]) -> list[list[str]]:
    """The commands between the separators."""
    commands: list[list[str]] = [[]]
    for argument in arguments:
        if argument == SEPARATOR:
            commands.append([])
        else:
            commands[-1].append(argument)
    return commands


def start(command: list[str], is_shown: bool) -> Running:
    output = None if is_shown else tempfile.TemporaryFile()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output and subprocess.STDOUT)
    return Running(command, process, output, time.monotonic())


def run(commands: list[list[str]]) -> bool:
    """Whether all commands succeeded."""
    running: list[Running] = []
    try:
        for command in commands:
            running.append(start(command, is_shown=not running))
        return all([one.end() for one in running])
    except BaseException:
        for one in running:
            one.process.terminate()
        for one in running:
            one.process.wait()
        raise


def main() -> None:
    # `kill` ends it as Ctrl-C does: the commands are stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    commands = split(sys.argv[1:])
    if not all(commands):
        sys.exit(__doc__)
    try:
        sys.exit(0 if run(commands) else 1)
    except KeyboardInterrupt:
        sys.exit(processes.INTERRUPTED)


if __name__ == "__main__":
    main()
