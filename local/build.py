"""Runs a command of Cargo's and shows how far it is: one line that moves on a terminal, one line per minute elsewhere.

    python3 local/build.py [--usually TEXT] [--programs FOLDER] cargo ARGUMENT ...

TEXT is how long a first build takes; it is shown when most is still to be compiled. With --programs, the programs that the
command builds are copied into FOLDER. Cargo itself reports where it left them, so CARGO_TARGET_DIR and Cargo's own configuration
hold. Warnings, errors and everything else that Cargo prints pass through, and its exit code is returned. Only Python's
standard library is needed: it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

# Seconds between two lines where no terminal shows one that moves, and before the first.
QUIET_SECONDS = 60
FIRST_SECONDS = 10
# Wide enough for Cargo to print its counts.
CARGO_WIDTH = 100
# What a shell reports for a command that Ctrl-C ended.
INTERRUPTED = 130

ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# A progress bar of Cargo: the action, and its progress.
BAR = re.compile(r"^\s*(\w+) \[[=> ]*\] *(.*)")
COMPILED = re.compile(r"(\d+)/(\d+)")
# Replaced by the line that shows the progress.
ROUTINE = re.compile(r"^\s*(Compiling|Checking|Documenting|Downloading|Downloaded|Updating|Locking|Adding|Finished|Fresh|Dirty) ")


@dataclass
class Progress:
    """Progress of the build, and its display."""

    usually: str | None
    terminal: bool = field(default_factory=sys.stderr.isatty)
    started: float = field(default_factory=time.monotonic)
    shown: float | None = None
    text: str = ""
    done: int = 0
    total: int = 0
    # Units that were complete when Cargo first counted: the rest is not compiled yet.
    found: int | None = None

    def line(self, line: str) -> None:
        """Handles a line of Cargo's output."""
        plain = ESCAPE.sub("", line)
        bar = BAR.match(plain)
        if bar and (counts := COMPILED.match(bar[2])):
            self.done, self.total = int(counts[1]), int(counts[2])
            self.found = self.done if self.found is None else self.found
            self.text = f"compiling: {self.done} of {self.total} done"
        elif bar:
            self.text = f"{bar[1].lower()}: {bar[2].strip()}"
        elif plain.strip() and not ROUTINE.match(plain):
            self.clear()
            print(line, file=sys.stderr, flush=True)

    def show(self) -> None:
        """Shows the progress of the build at intervals."""
        now = time.monotonic()
        waited = now - (self.shown or self.started)
        if not self.text or (not self.terminal and waited < (FIRST_SECONDS if self.shown is None else QUIET_SECONDS)):
            return
        self.shown = now
        text = f"{self.text}, {_clock(now - self.started)} so far"
        if self.usually and (self.found is None or 2 * self.found < self.total):
            text += f"; the first time takes {self.usually}"
        if self.terminal:
            print(f"\r\x1b[K{text[: shutil.get_terminal_size().columns - 1]}", end="", file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Clears the progress line."""
        if self.terminal and self.shown is not None:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def end(self, code: int) -> None:
        """Prints the duration, if anything was compiled."""
        self.clear()
        if code == 0 and self.shown is not None:
            print(f"compiled in {_clock(time.monotonic() - self.started)}", file=sys.stderr, flush=True)


def run(command: list[str], progress: Progress, programs: Path | None) -> int:
    """Runs the command; its exit code."""
    environment = os.environ | {"CARGO_TERM_PROGRESS_WHEN": "always", "CARGO_TERM_PROGRESS_WIDTH": str(CARGO_WIDTH)}
    if progress.terminal and "NO_COLOR" not in os.environ:
        environment.setdefault("CARGO_TERM_COLOR", "always")
    output = None if programs is None else subprocess.PIPE
    try:
        cargo = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE)
    except FileNotFoundError:
        sys.exit(f"{command[0]} is not installed: https://rustup.rs")
    built: list[Path] = []
    reader = Thread(target=_read_programs, args=(cargo.stdout, built))
    if programs is not None:
        reader.start()
    try:
        _follow(cargo.stderr.fileno(), progress)
        code = cargo.wait()
    except KeyboardInterrupt:
        cargo.terminate()
        cargo.wait()
        progress.clear()
        return INTERRUPTED
    if programs is not None:
        reader.join()
    if programs is not None and code == 0:
        _copy(built, programs)
    progress.end(code)
    return code


def _follow(stderr: int, progress: Progress) -> None:
    rest = b""
    while True:
        ready, _, _ = select.select([stderr], [], [], 1)
        if ready:
            chunk = os.read(stderr, 65536)
            *lines, rest = re.split(rb"[\r\n]", rest + chunk)
            for line in lines if chunk else [*lines, rest]:
                progress.line(line.decode(errors="replace"))
            if not chunk:
                return
        progress.show()


def _read_programs(stdout, built: list[Path]) -> None:
    for line in stdout:
        message = json.loads(line)
        if message.get("executable"):
            built.append(Path(message["executable"]))


def _copy(built: list[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for program in built:
        copy, new = folder / program.name, folder / f".{program.name}.new"
        found, wanted = copy.stat() if copy.exists() else None, program.stat()
        if found and (found.st_mtime_ns, found.st_size) == (wanted.st_mtime_ns, wanted.st_size):
            continue
        # A program that runs can't be written to, but replaced.
        shutil.copy2(program, new)
        new.replace(copy)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs Cargo and shows how far it is.")
    parser.add_argument("--usually", help="how long a first build takes")
    parser.add_argument("--programs", type=Path, help="the folder into which the programs are copied")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    command = arguments.command
    if not command:
        parser.error("which command?")
    if arguments.programs is not None:
        command = [*command, "--message-format=json-render-diagnostics"]
    # `kill` ends it as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return run(command, Progress(arguments.usually), arguments.programs)


if __name__ == "__main__":
    sys.exit(main())
