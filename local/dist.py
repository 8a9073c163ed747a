"""Puts everything that a release has into a directory.

    python local/dist.py build DIRECTORY [--programs PROGRAMS]   of the programs that local/compile.py left for this machine
    python local/dist.py merge DIRECTORY FROM ...                of several such directories, one for each kind of machine
    python local/dist.py pack DIRECTORY OUTPUT                   as the files of a GitHub release, which has no directories

Run by `make dist` and by the release workflow. Nothing in the directory depends on when, where, or by whom it is made: the times
are the commit's. PROGRAMS has each program as NAME/bootstrap, or as NAME, which `make build` writes.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import architecture
import archives
import crates
import licenses
import packaged
import release_notes
import sbom
from compile import FUNCTIONS, HUBCTL, commit_time
from compile import architecture as processor
from settings import RELEASE_PROGRAMS, ROOT

SUMS, NOTES, LICENSES = "SHA256SUMS", "RELEASE_NOTES.md", "THIRD-PARTY-LICENSES.txt"
# What a release has as it is in this repository.
COPIES = {
    "deploy/release/README.md": "README.md",
    "deploy/release/upgrade.sh": "upgrade.sh",
    "LICENSE": "LICENSE",
    "deploy/member-role.yaml": "member-role.yaml",
    "deploy/prowler-scan.yaml": "prowler-scan.yaml",
    "deploy/prowler-scan-role.yaml": "prowler-scan-role.yaml",
    "deploy/terraform/main.tf": "terraform/member-role/main.tf",
    "deploy/terraform/deployment/main.tf": "terraform/deployment/main.tf",
}
SHELLS = {"bash": "hubctl.bash", "zsh": "_hubctl", "fish": "hubctl.fish"}
TARBALL = re.compile(r"^hubctl-(?P<target>[a-z]+-[a-z0-9_]+)\.tar\.gz$")


def program(programs: Path, name: str) -> Path:
    """The file of a program, however it was compiled."""
    path = programs / name / "bootstrap"
    path = path if path.is_file() else programs / name
    if not path.is_file():
        sys.exit(f"{programs} has no program {name}: make dist")
    return path


def target() -> str:
    """What programs of this machine are for."""
    system = {"Linux": "linux", "Darwin": "macos"}.get(platform.system())
    if not system:
        sys.exit(f"no release is built on {platform.system()}")
    return f"{system}-{processor(platform.machine())}"


def _functions(directory: Path, programs: Path, name: str) -> None:
    """The zip files of the functions, named by their content."""
    (directory / "functions").mkdir(parents=True)
    for function in FUNCTIONS:
        path = program(programs, function)
        if architecture.architecture(path) != name:
            sys.exit(f"{path} is for {architecture.architecture(path)}, not for {name}")
        content = archives.zipped({"bootstrap": path.read_bytes()})
        digest = hashlib.sha256(content).hexdigest()
        (directory / "functions" / packaged.artifact_name(function, name, digest)).write_bytes(content)


def _hubctl(directory: Path, programs: Path, name: str, epoch: int) -> None:
    """hubctl with its manual, completions, and licenses."""
    path = program(programs, HUBCTL)
    with tempfile.TemporaryDirectory() as manual:
        subprocess.run([path, "man", manual], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        files = {f"share/man/man1/{page}": content for page, content in archives.tree(Path(manual)).items()}
    for shell, file in SHELLS.items():
        done = subprocess.run([path, "completion", shell], check=True, capture_output=True)
        files[f"share/completions/{file}"] = done.stdout
    files["LICENSE"] = (ROOT / "LICENSE").read_bytes()
    files[LICENSES] = licenses.licenses(crates.of_program(HUBCTL, name)).encode()
    files["bin/hubctl"] = path.read_bytes()
    tarball = archives.tarball({f"hubctl/{file}": content for file, content in files.items()}, {"hubctl/bin/hubctl"}, epoch)
    (directory / f"hubctl-{name}.tar.gz").write_bytes(tarball)


def contents(directory: Path) -> list[tuple[str, str, Path]]:
    """The programs in a directory: name, target, and the file that has it."""
    found = []
    for path in sorted((directory / "functions").glob("*.zip")):
        match = packaged.ARTIFACT.match(path.name)
        if match:
            found.append((match["program"], f"linux-{match['architecture']}", path))
    for path in sorted(directory.glob("hubctl-*.tar.gz")):
        match = TARBALL.match(path.name)
        if match:
            found.append((HUBCTL, match["target"], path))
    return found


def notes() -> str:
    """The notes of the version in Cargo.toml, or those of the next version while it has none."""
    changelog = (ROOT / "CHANGELOG.md").read_text()
    version = release_notes.cargo_version((ROOT / "Cargo.toml").read_text())
    return release_notes.section(changelog, version) or release_notes.section(changelog, "Unreleased") or ""


def finish(directory: Path, epoch: int) -> None:
    """Writes the common files of all programs of a directory, and their descriptions. The checksums are last."""
    for source, name in COPIES.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / source, directory / name)
    (directory / NOTES).write_text(notes())
    (directory / "sbom").mkdir(exist_ok=True)
    everything, rustc = [], sbom.compiler()
    for name, kind, file in contents(directory):
        compiled = crates.of_program(name, kind)
        everything += compiled
        (directory / "sbom" / f"{name}-{kind}.cdx.json").write_text(sbom.sbom(compiled, name, kind, file, epoch, rustc))
    (directory / LICENSES).write_text(licenses.licenses(everything))
    zips = [path.name for path in (directory / "functions").glob("*.zip")]
    if zips:
        (directory / "template.yaml").write_text(packaged.packaged((ROOT / "template.yaml").read_text(), zips))
    (directory / SUMS).write_text(archives.sums(directory, SUMS))


def build(directory: Path, programs: Path) -> None:
    """Everything that a release has, for this machine's kind."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    name, epoch = target(), int(commit_time(ROOT))
    if name.startswith("linux-"):
        _functions(directory, programs, name.removeprefix("linux-"))
    _hubctl(directory, programs, name, epoch)
    finish(directory, epoch)


def merge(directory: Path, sources: list[Path]) -> None:
    """One directory of several."""
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "functions").mkdir(parents=True)
    for _, _, path in (found for source in sources for found in contents(source)):
        copied = directory / path.parent.name / path.name if path.suffix == ".zip" else directory / path.name
        if copied.exists():
            sys.exit(f"{path.name} is in several of the directories")
        shutil.copyfile(path, copied)
    finish(directory, int(commit_time(ROOT)))


def pack(directory: Path, output: Path) -> None:
    """The files of a GitHub release: one archive of everything but hubctl, hubctl for each kind of machine, and their sums."""
    version = release_notes.cargo_version((ROOT / "Cargo.toml").read_text())
    files = {name: content for name, content in archives.tree(directory).items() if not TARBALL.match(name)}
    # The checksums in the archive are those of its own files.
    files[SUMS] = "".join(line for line in files[SUMS].decode().splitlines(keepends=True) if not TARBALL.match(line.split()[1])).encode()
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    name = f"securityhub-exporter-{version}"
    archive = archives.tarball({f"{name}/{file}": content for file, content in files.items()}, set(), int(commit_time(ROOT)))
    (output / f"{name}.tar.gz").write_bytes(archive)
    for path in directory.glob("hubctl-*.tar.gz"):
        shutil.copyfile(path, output / path.name)
    for path in (directory / "sbom").glob("*.json"):
        shutil.copyfile(path, output / path.name)
    (output / SUMS).write_text(archives.sums(output, SUMS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("build", "merge", "pack"):
        verbs.add_parser(verb).add_argument("directory", type=Path)
    verbs.choices["build"].add_argument("--programs", type=Path, default=RELEASE_PROGRAMS)
    verbs.choices["merge"].add_argument("sources", type=Path, nargs="+")
    verbs.choices["pack"].add_argument("output", type=Path)
    arguments = parser.parse_args()
    try:
        if arguments.verb == "build":
            build(arguments.directory, arguments.programs.resolve())
        elif arguments.verb == "merge":
            merge(arguments.directory, arguments.sources)
        else:
            pack(arguments.directory, arguments.output)
    except ValueError as error:
        sys.exit(f"failed to {arguments.verb} {arguments.directory}: {error}")
    shown = arguments.output if arguments.verb == "pack" else arguments.directory
    for name, content in archives.tree(shown).items():
        print(f"{len(content):>12,}  {shown / name}")


if __name__ == "__main__":
    main()
