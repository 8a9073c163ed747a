"""Compiles the programs of a release, so that two builds of one commit are identical, whatever directory they are in.

    python local/compile.py [--target-dir DIRECTORY]

Run by `make dist`. On Linux: the functions and hubctl, with cargo-lambda and Zig, which link for the glibc of Amazon Linux 2023. On
macOS: hubctl alone, with Cargo. The programs are in .local/release, each in a directory of its own, as cargo-lambda leaves them. Paths
of this machine are replaced in what the compilers write: the checkout is /securityhub-exporter, Cargo's directory is /cargo. A program
that contains such a path all the same is an error.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from settings import RELEASE_PROGRAMS, ROOT

FUNCTIONS = ["export-findings", "check-connections", "manage-integrations"]
HUBCTL = "hubctl"
# Replacement of the checkout's and Cargo's directories in the programs.
SOURCES = "/securityhub-exporter"
CARGO = "/cargo"
# cargo-lambda's option for a processor, by Lambda's name of it.
OPTIONS = {"x86_64": "--x86-64", "arm64": "--arm64"}
# The CPU that cargo-lambda compiles for, which it can't pass to Cargo in addition to other flags: all processors of Lambda support it.
PROCESSORS = {"x86_64": "haswell", "arm64": "neoverse-n1"}


def architecture(machine: str) -> str:
    """Lambda's name of a processor."""
    names = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
    if machine.lower() not in names:
        raise ValueError(f"no release is built on {machine}")
    return names[machine.lower()]


def prefixes(root: Path, cargo: Path, target: Path) -> list[tuple[str, str]]:
    """The directories that are replaced, and what by. The last that matches counts, so a directory in another one follows it."""
    found = [(str(cargo), CARGO), (str(root), SOURCES), (str(target), f"{SOURCES}/target")]
    return sorted(found, key=lambda pair: len(Path(pair[0]).parts))


def environment(root: Path, target: Path, inherited: dict[str, str], epoch: str, flags: list[str]) -> dict[str, str]:
    """The environment of a build with the compiler's flags: nothing of the developer's own flags, and no path of this machine."""
    ignored = ("RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CFLAGS", "CXXFLAGS", "CARGO_BUILD_", "CARGO_PROFILE_", "RUSTC_WRAPPER")
    kept = {name: value for name, value in inherited.items() if not name.startswith(ignored)}
    pairs = prefixes(root, cargo_home(inherited), target)
    # A checkout's path may have a space; only this form of the variable can pass it.
    rust = "\x1f".join([*flags, *(f"--remap-path-prefix={old}={new}" for old, new in pairs)])
    c = shlex.join(f"-ffile-prefix-map={old}={new}" for old, new in pairs)
    # Otherwise the crate cc splits the flags at each space.
    escaped = {"CC_SHELL_ESCAPED_FLAGS": "1"} if "'" in c else {}
    return kept | escaped | {
        "CARGO_ENCODED_RUSTFLAGS": rust,
        "CFLAGS": c,
        "CXXFLAGS": c,
        "CARGO_INCREMENTAL": "0",
        "CARGO_TARGET_DIR": str(target),
        "SOURCE_DATE_EPOCH": epoch,
    }


def commit_time(root: Path) -> str:
    """The time of the commit, in seconds since 1970."""
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def command(system: str, machine: str, programs: Path) -> list[str]:
    """The command that compiles everything that a release has for this system."""
    if system == "Darwin":
        return ["cargo", "build", "--release", "--locked", "--bin", HUBCTL]
    binaries = [word for name in [*FUNCTIONS, HUBCTL] for word in ("--bin", name)]
    return ["cargo", "lambda", "build", "--release", "--locked", OPTIONS[architecture(machine)], *binaries, "--lambda-dir", str(programs)]


def processor_flags(system: str, machine: str) -> list[str]:
    """The compiler's flags for the processors of Lambda; on macOS, there are no functions, and Rust's default is used."""
    return [] if system == "Darwin" else ["-C", f"target-cpu={PROCESSORS[architecture(machine)]}"]


def leaked(program: Path, pairs: list[tuple[str, str]]) -> list[str]:
    """The directories of this machine whose paths are in a program."""
    content = program.read_bytes()
    return [old for old, _ in pairs if old.encode() in content]


def cargo_home(variables: dict[str, str]) -> Path:
    """Cargo's directory."""
    return Path(variables.get("CARGO_HOME") or Path.home() / ".cargo").resolve()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target-dir", type=Path, default=Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target" / "dist"))
    target = parser.parse_args().target_dir.resolve()
    system = platform.system()
    built = command(system, platform.machine(), RELEASE_PROGRAMS)
    progress = [sys.executable, str(ROOT / "local" / "build.py"), *built]
    flags = processor_flags(system, platform.machine())
    done = subprocess.run(progress, cwd=ROOT, env=environment(ROOT, target, dict(os.environ), commit_time(ROOT), flags))
    if done.returncode:
        sys.exit(done.returncode)
    if system == "Darwin":
        (RELEASE_PROGRAMS / HUBCTL).mkdir(parents=True, exist_ok=True)
        shutil.copy2(target / "release" / HUBCTL, RELEASE_PROGRAMS / HUBCTL / "bootstrap")
    pairs = prefixes(ROOT, cargo_home(dict(os.environ)), target)
    names = [HUBCTL] if system == "Darwin" else [*FUNCTIONS, HUBCTL]
    wrong = [f"{name} contains {path}" for name in names for path in leaked(RELEASE_PROGRAMS / name / "bootstrap", pairs)]
    if wrong:
        sys.exit("\n".join(["paths of this machine are in the programs:", *wrong]))


if __name__ == "__main__":
    main()
