"""Prints the release notes of a tag: the section of its version in CHANGELOG.md.

    python local/release_notes.py v1.2.3

Run by the release workflow. Fails if the tag is not the version in Cargo.toml, or CHANGELOG.md has no section of it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def cargo_version(manifest: str) -> str:
    """The version of all packages, which the workspace's manifest states."""
    package = manifest.split("[workspace.package]", 1)[1].split("\n[", 1)[0]
    return re.search(r'^version = "([^"]+)"$', package, re.MULTILINE).group(1)


def section(changelog: str, name: str) -> str | None:
    """The section of a version, or of Unreleased, without its heading. None if it is missing or empty."""
    for part in re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]:
        heading, _, text = part.partition("\n")
        if heading.split()[0] == name and text.strip():
            return text.strip() + "\n"
    return None


def notes(tag: str, manifest: str, changelog: str) -> str:
    """The section of the tag's version, without its heading."""
    version = tag.removeprefix("v")
    if tag != f"v{cargo_version(manifest)}":
        raise ValueError(f"the tag {tag} is not the version in Cargo.toml: {cargo_version(manifest)}")
    text = section(changelog, version)
    if text is None:
        raise ValueError(f"CHANGELOG.md has no section ## {version}, or an empty one")
    return text


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        print(notes(sys.argv[1], (ROOT / "Cargo.toml").read_text(), (ROOT / "CHANGELOG.md").read_text()), end="")
    except ValueError as error:
        sys.exit(f"failed to write the release notes: {error}")


if __name__ == "__main__":
    main()
