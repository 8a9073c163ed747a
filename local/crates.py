"""The crates that are compiled into a program: the one list of its SBOM and of its licenses.

`cargo tree` resolves the features of a release build, which compiles the whole workspace; `cargo metadata` has what the manifests
state, and Cargo.lock the SHA-256 of each downloaded crate. Crates that only run at build time (procedural macros, build scripts)
are not part of a program.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from settings import ROOT

# Rust's names of what releases are compiled for.
TARGETS = {
    "linux-x86_64": "x86_64-unknown-linux-gnu",
    "linux-arm64": "aarch64-unknown-linux-gnu",
    "macos-x86_64": "x86_64-apple-darwin",
    "macos-arm64": "aarch64-apple-darwin",
}
# A line of `cargo tree`: depth, name, version, and perhaps where it is from or that its dependencies were listed above.
LINE = re.compile(r"^(\d+)(\S+) v(\S+)")
# A package of Cargo.lock that was downloaded.
LOCKED = re.compile(r'^name = "([^"]+)"\nversion = "([^"]+)"\nsource = "registry[^"]*"\nchecksum = "([0-9a-f]{64})"$', re.MULTILINE)

Key = tuple[str, str]


@dataclass
class Crate:
    """A crate, with the keys of the crates that it depends on directly."""

    name: str
    version: str
    # An SPDX expression.
    license: str
    authors: list[str]
    repository: str | None
    directory: Path
    # The SHA-256 of the downloaded file; None for a crate of this repository.
    checksum: str | None
    dependencies: set[Key] = field(default_factory=set)

    @property
    def key(self) -> Key:
        return self.name, self.version


def edges(tree: str) -> dict[Key, set[Key]]:
    """The dependencies of each package in the output of `cargo tree --prefix depth`."""
    found: dict[Key, set[Key]] = {}
    path: list[Key] = []
    for line in filter(None, tree.splitlines()):
        match = LINE.match(line)
        if not match:
            raise ValueError(f"not a line of cargo tree: {line}")
        depth, key = int(match[1]), (match[2], match[3])
        del path[depth:]
        found.setdefault(key, set())
        if path:
            found[path[-1]].add(key)
        path.append(key)
    return found


def reachable(graph: dict[Key, set[Key]], root: Key) -> list[Key]:
    """The root and everything that it depends on, sorted."""
    seen, waiting = {root}, [root]
    while waiting:
        new = graph[waiting.pop()] - seen
        seen |= new
        waiting += new
    return sorted(seen)


def spdx(expression: str) -> str:
    """A license as SPDX writes it: older manifests have a slash between alternatives."""
    return " OR ".join(part.strip() for part in expression.split("/"))


def _cargo(*arguments: str) -> str:
    return subprocess.run(["cargo", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout


@lru_cache
def _graph(target: str) -> dict[Key, set[Key]]:
    return edges(_cargo("tree", "--locked", "--workspace", "--edges", "normal,no-proc-macro", "--target", target, "--prefix", "depth"))


@lru_cache
def _packages() -> dict[Key, dict]:
    packages = json.loads(_cargo("metadata", "--locked", "--format-version", "1"))["packages"]
    return {(package["name"], package["version"]): package for package in packages}


@lru_cache
def _checksums() -> dict[Key, str]:
    return {(name, version): checksum for name, version, checksum in LOCKED.findall((ROOT / "Cargo.lock").read_text())}


def version(program: str) -> str:
    """The version of a package of the workspace."""
    return next(version for name, version in _packages() if name == program)


def of_program(program: str, target: str) -> list[Crate]:
    """The crates that are compiled into a program of this workspace, itself among them, sorted by name and version."""
    graph = _graph(TARGETS[target])
    crates = []
    for key in reachable(graph, (program, version(program))):
        package = _packages()[key]
        if not package["license"]:
            raise ValueError(f"{key[0]} {key[1]} states no license")
        crates.append(Crate(
            *key, spdx(package["license"]), package["authors"], package["repository"], Path(package["manifest_path"]).parent,
            _checksums().get(key), graph[key],
        ))  # fmt: skip
    return crates
