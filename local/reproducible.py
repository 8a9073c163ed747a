"""Builds the commit twice, in two directories, and compares what a release would have byte for byte.

    python local/reproducible.py

Run by `make reproducible`, which CI does for a tag. The commit is HEAD as it was at the start. Each build is a clone of it with its own
target directory: nothing that is not committed, and nothing that one build compiled, can be in the other.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import archives
from settings import ROOT

WORK = ROOT / ".local" / "reproducible"
# Of different lengths and depths, so that a path that got into a program changes it.
CLONES = ("first", "second/in-a-longer-path")


def git(*arguments: str, at: Path = ROOT) -> str:
    return subprocess.run(["git", *arguments], cwd=at, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()


def check_out(commit: str, clone: Path) -> None:
    """Clones this repository at a commit, which a later commit does not change."""
    git("clone", "--quiet", "--no-local", str(ROOT), str(clone))
    git("checkout", "--quiet", "--detach", commit, at=clone)


def build(commit: str, clone: Path) -> dict[str, bytes]:
    """What `make dist` writes in a clone of a commit, by path."""
    check_out(commit, clone)
    environment = {name: value for name, value in os.environ.items() if name != "CARGO_TARGET_DIR"}
    for arguments in (["local/compile.py"], ["local/dist.py", "build", "dist"]):
        done = subprocess.run([sys.executable, *arguments], cwd=clone, env=environment)
        if done.returncode:
            sys.exit(f"{' '.join(arguments)} failed in {clone}")
    return archives.tree(clone / "dist")


def differences(first: dict[str, bytes], second: dict[str, bytes]) -> list[str]:
    """The paths whose contents differ, or that only one has."""
    return [name for name in sorted(first.keys() | second.keys()) if first.get(name) != second.get(name)]


def main() -> None:
    shutil.rmtree(WORK, ignore_errors=True)
    commit = git("rev-parse", "HEAD")
    first, second = (build(commit, WORK / clone) for clone in CLONES)
    wrong = differences(first, second)
    if wrong or not first:
        sys.exit("\n".join(["the two builds differ:", *wrong]) if first else "nothing was built")
    print(f"{len(first)} files are identical in both builds")
    shutil.rmtree(WORK)


if __name__ == "__main__":
    main()
