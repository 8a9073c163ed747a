"""Archives that are identical byte for byte if their contents are: fixed times, owners, permissions, and order."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

# The earliest time that a zip file can state. Lambda ignores it.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
UNIX = 3
REGULAR = 0o100000
PROGRAM, DOCUMENT = 0o755, 0o644
# zlib's default: level 9 takes twice as long for 0.4 % less. Two versions of zlib may compress the same content differently: whoever
# compares two builds uses one Python.
LEVEL = 6


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip file of programs. Lambda needs permission for everyone to read and execute them."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, ZIP_TIME)
            entry.create_system = UNIX
            entry.external_attr = (REGULAR | PROGRAM) << 16
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED, LEVEL)
    return content.getvalue()


def tarball(files: dict[str, bytes], programs: set[str], epoch: int) -> bytes:
    """A compressed tar file, whose files have the time of the commit and have no owner."""
    content = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=content, compresslevel=LEVEL, mtime=0) as compressed:
        with tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name in sorted(files):
                entry = tarfile.TarInfo(name)
                entry.size, entry.mtime = len(files[name]), epoch
                entry.mode = PROGRAM if name in programs else DOCUMENT
                archive.addfile(entry, io.BytesIO(files[name]))
    return content.getvalue()


def tree(directory: Path) -> dict[str, bytes]:
    """The files below a directory, by their paths in it."""
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


def sums(directory: Path, without: str) -> str:
    """The SHA-256 of every file below a directory, as `sha256sum --check` reads it."""
    files = {name: content for name, content in tree(directory).items() if name != without}
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
