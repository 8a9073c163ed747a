"""The browser of the console's tests: the machine's own chromium, or Debian's package, which is installed if none is there.

Chromium without a window (Debian's chromium-headless-shell) is the first choice: it uses a seventh less processor time in these tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NEEDED = "chromium is needed: apt-get install chromium, or set CHROMIUM to the path of a Chrome"
PROGRAMS = ["chromium-headless-shell", "chromium", "google-chrome"]


def path() -> str:
    """The path of a chromium. Installs one where that needs no password."""
    found = _found()
    if found:
        return found
    apt = shutil.which("apt-get")
    rights = [] if os.geteuid() == 0 else ["sudo", "-n"] if shutil.which("sudo") else None
    if apt is None or rights is None:
        sys.exit(NEEDED)
    print("installing chromium from Debian's packages", flush=True)
    options = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "stdout": subprocess.DEVNULL}

    def succeeds(*command: str) -> bool:
        return subprocess.run([*rights, apt, *command], check=False, **options).returncode == 0

    if succeeds("update", "-qq"):
        any(succeeds("install", "-y", "-qq", "--no-install-recommends", package) for package in PROGRAMS[:2])
    return _found() or sys.exit(NEEDED)


def _found() -> str | None:
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)
