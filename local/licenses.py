"""The licenses of all crates in a release, with their texts, as the licenses require.

The texts are the files of the crates. Some crates state a license and have no file of it: the standard text is used then, which
`LICENSE` and STANDARD have.
"""

from __future__ import annotations

import re
from pathlib import Path

from crates import Crate
from settings import ROOT

# Files with licenses, by the beginning of their names.
NAMES = ("license", "licence", "notice", "copyright", "copying", "unlicense")
# Names of directories whose files are not compiled into a program.
NOT_COMPILED = {"tests", "test", "benches", "examples", "target", "fuzz"}
# Names of files that contain code, not a license.
CODE = {".rs", ".c", ".h", ".py", ".go", ".html", ".json", ".toml"}
MIT = """\
MIT License

Copyright (c) {holders}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to
the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY
CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
RULE = "=" * 100


def files(crate: Crate) -> list[Path]:
    """The files of a crate that hold licenses, those of C libraries in it among them."""
    found = [
        path for path in crate.directory.rglob("*")
        if path.name.lower().startswith(NAMES) and path.suffix.lower() not in CODE and path.is_file()
        and not NOT_COMPILED & set(path.relative_to(crate.directory).parts[:-1])
    ]  # fmt: skip
    return sorted(found)


def standard(crate: Crate) -> str:
    """The text of the license of a crate that has no file of it."""
    alternatives = re.split(r" OR ", crate.license)
    if "Apache-2.0" in alternatives:
        return (ROOT / "LICENSE").read_text()
    if "MIT" in alternatives:
        return MIT.format(holders=", ".join(crate.authors) or f"the authors of {crate.name}")
    raise ValueError(f"{crate.name} {crate.version} has no file of its license, {crate.license}")


def texts(crate: Crate) -> list[str]:
    """The texts of a crate's licenses."""
    found = [path.read_text(errors="replace").replace("\r\n", "\n").strip() + "\n" for path in files(crate)]
    return found or [standard(crate)]


def licenses(crates: list[Crate]) -> str:
    """All licenses of the crates that are not this repository's: a list, then each text once, with the crates that have it."""
    others = sorted({crate.key: crate for crate in crates if crate.checksum}.values(), key=lambda crate: crate.key)
    if not others:
        raise ValueError("no crates to list")
    users: dict[str, list[str]] = {}
    originals: dict[str, str] = {}
    for crate in others:
        for text in texts(crate):
            # Copies that differ in line breaks only are one text.
            same = " ".join(text.split())
            originals.setdefault(same, text)
            names = users.setdefault(same, [])
            name = f"{crate.name} {crate.version}"
            if name not in names:
                names.append(name)
    lines = ["Crates in the programs of securityhub-exporter, their licenses, and the texts of the licenses.", ""]
    lines += [f"{crate.name} {crate.version}: {crate.license}" for crate in others]
    for same, names in users.items():
        lines += ["", RULE, ", ".join(names), RULE, "", originals[same].rstrip()]
    return "\n".join(lines) + "\n"
