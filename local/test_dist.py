"""A release is reproducible, complete, and described."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
import unittest
import zipfile
from pathlib import Path

import archives
import crates
import dist
import licenses
import packaged
import reproducible
import sbom
from compile import FUNCTIONS, HUBCTL
from settings import ROOT

EPOCH = 1_700_000_000
# The beginning of a Linux program for x86_64 and arm64, as far as local/architecture.py reads it.
PROGRAMS = {"x86_64": b"\x7fELF" + bytes(14) + b"\x3e\0", "arm64": b"\x7fELF" + bytes(14) + b"\xb7\0"}
# hubctl, as far as a release asks it.
STAND_IN = """#!/bin/sh
if [ "$1" = man ]; then echo ".TH hubctl 1" > "$2/hubctl.1"; else echo "# completion for $2"; fi
"""
LINUX = dist.target().startswith("linux-")


def programs(directory: Path) -> Path:
    """Replacements of the compiled programs."""
    directory.mkdir()
    for name in FUNCTIONS:
        (directory / name).write_bytes(PROGRAMS[dist.target().removeprefix("linux-")] + name.encode())
    (directory / HUBCTL).write_text(STAND_IN)
    (directory / HUBCTL).chmod(0o755)
    return directory


class Archives(unittest.TestCase):
    FILES = {"b": b"two", "a": b"one"}

    def test_a_zip_file_has_fixed_times_permissions_and_order(self) -> None:
        first = archives.zipped(self.FILES)
        time.sleep(0.01)
        self.assertEqual(first, archives.zipped(dict(reversed(self.FILES.items()))))
        entries = zipfile.ZipFile(io.BytesIO(first)).infolist()
        self.assertEqual([entry.filename for entry in entries], ["a", "b"])
        for entry in entries:
            self.assertEqual((entry.date_time, entry.external_attr >> 16), (archives.ZIP_TIME, 0o100755))

    def test_a_tar_file_has_the_time_of_the_commit_and_no_owner(self) -> None:
        first = archives.tarball(self.FILES, {"a"}, EPOCH)
        self.assertEqual(first, archives.tarball(dict(reversed(self.FILES.items())), {"a"}, EPOCH))
        entries = tarfile.open(fileobj=io.BytesIO(first)).getmembers()
        self.assertEqual([(entry.name, entry.mode, entry.mtime, entry.uid, entry.uname) for entry in entries],
                         [("a", 0o755, EPOCH, 0, ""), ("b", 0o644, EPOCH, 0, "")])  # fmt: skip


class Crates(unittest.TestCase):
    TREE = "0app v1.0.0 (/x)\n1a v1.0.0\n2b v2.0.0\n1b v2.0.0\n0other v1.0.0 (/y)\n1a v1.0.0 (*)\n"

    def test_dependencies_that_were_listed_above_are_found(self) -> None:
        graph = crates.edges(self.TREE)
        self.assertEqual(crates.reachable(graph, ("other", "1.0.0")), [("a", "1.0.0"), ("b", "2.0.0"), ("other", "1.0.0")])
        with self.assertRaises(ValueError):
            crates.edges("error: no tree\n")

    def test_a_function_has_what_it_is_compiled_of_and_nothing_else(self) -> None:
        found = {crate.name: crate for crate in crates.of_program("export-findings", "linux-x86_64")}
        self.assertLessEqual({"export-findings", "exporter", "aws-sdk-s3", "tokio"}, found.keys())
        # Of hubctl, of tests, of build time, and of another system.
        self.assertFalse({"clap", "insta", "serde_derive", "cc", "windows-sys"} & found.keys())
        self.assertRegex(found["tokio"].checksum or "", "^[0-9a-f]{64}$")
        self.assertIsNone(found["exporter"].checksum)

    def test_licenses_of_older_manifests_are_spdx(self) -> None:
        self.assertEqual(crates.spdx("MIT/Apache-2.0"), "MIT OR Apache-2.0")

    def test_each_crate_has_the_text_of_its_license(self) -> None:
        found = crates.of_program(HUBCTL, "linux-x86_64")
        text = licenses.licenses(found)
        for crate in found:
            self.assertEqual(f"\n{crate.name} {crate.version}: {crate.license}\n" in text, crate.checksum is not None, crate.name)
        without = next(crate for crate in found if not licenses.files(crate) and crate.checksum and crate.license == "MIT")
        self.assertIn("Permission is hereby granted", licenses.texts(without)[0])

    def test_a_crate_without_a_known_license_is_an_error(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            crate = crates.Crate("a", "1.0.0", "ISC", [], None, Path(directory), "0" * 64)
            with self.assertRaisesRegex(ValueError, "no file of its license, ISC"):
                licenses.texts(crate)

    def test_an_sbom_describes_the_file_and_is_the_same_each_time(self) -> None:
        found = crates.of_program("export-findings", "linux-x86_64")
        file = ROOT / "LICENSE"
        text = sbom.sbom(found, "export-findings", "linux-x86_64", file, EPOCH, "rustc 1.95.0 (1234 2026-01-01)")
        self.assertEqual(text, sbom.sbom(found, "export-findings", "linux-x86_64", file, EPOCH, "rustc 1.95.0 (1234 2026-01-01)"))
        document = json.loads(text)
        self.assertEqual(document["metadata"]["timestamp"], "2023-11-14T22:13:20+00:00")
        self.assertEqual(document["metadata"]["component"]["properties"][0], {"name": "file", "value": "LICENSE"})
        self.assertEqual(len(document["components"]) + 1, len(found))
        self.assertEqual({entry["ref"] for entry in document["dependencies"]}, {f"{crate.name}@{crate.version}" for crate in found})
        purls = {component["name"]: component.get("purl") for component in document["components"]}
        # The crate `exporter` of crates.io is another one.
        self.assertIsNone(purls["exporter"])
        self.assertRegex(purls["tokio"], "^pkg:cargo/tokio@")


@unittest.skipUnless(LINUX, "functions are built on Linux")
class Dist(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.directory = Path(temporary.name)
        cls.first = cls.directory / "first"
        dist.build(cls.first, programs(cls.directory / "programs"))

    def test_two_directories_of_the_same_programs_are_identical(self) -> None:
        second = self.directory / "a" / "longer" / "path"
        copied = self.directory / "copied"
        shutil.copytree(self.directory / "programs", copied)
        os.utime(copied / HUBCTL, (0, 0))
        dist.build(second, copied)
        self.assertEqual(reproducible.differences(archives.tree(self.first), archives.tree(second)), [])
        (second / "LICENSE").write_text("")
        (second / "more").touch()
        self.assertEqual(reproducible.differences(archives.tree(self.first), archives.tree(second)), ["LICENSE", "more"])

    def test_the_sums_are_of_every_file(self) -> None:
        done = subprocess.run(["sha256sum", "--check", "--strict", dist.SUMS], cwd=self.first, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        checked = {line.split(":")[0] for line in done.stdout.splitlines()}
        self.assertEqual(checked, archives.tree(self.first).keys() - {dist.SUMS})

    def test_the_template_names_the_zip_files(self) -> None:
        named = set(re.findall(r"\$\{ArtifactPrefix\}(\S+\.zip)", (self.first / "template.yaml").read_text()))
        self.assertEqual(named, {path.name for path in (self.first / "functions").iterdir()})

    def test_each_program_has_an_sbom(self) -> None:
        self.assertEqual(sorted(path.name for path in (self.first / "sbom").iterdir()),
                         sorted(f"{name}-{dist.target()}.cdx.json" for name in [*FUNCTIONS, HUBCTL]))  # fmt: skip

    def test_the_archive_of_hubctl_has_manual_completions_and_licenses(self) -> None:
        names = set(tarfile.open(self.first / f"hubctl-{dist.target()}.tar.gz").getnames())
        self.assertEqual({name.removeprefix("hubctl/") for name in names}, {
            "bin/hubctl", "LICENSE", dist.LICENSES, "share/man/man1/hubctl.1",
            "share/completions/hubctl.bash", "share/completions/_hubctl", "share/completions/hubctl.fish",
        })  # fmt: skip

    def test_the_readme_lists_every_file(self) -> None:
        page = (self.first / "README.md").read_text()
        table = page.split("| --- | --- |\n")[1].split("\n\n")[0]
        named = re.findall(r"`([^`\s]+)`", "\n".join(line.split("|")[1] for line in table.splitlines()))
        covered = set()
        for name in named:
            matches = set(self.first.glob(name.rstrip("/")))
            self.assertTrue(matches, f"{name} is not in the release")
            covered |= {path.relative_to(self.first).parts[0] for path in matches}
        self.assertEqual({path.name for path in self.first.iterdir()} - {"README.md"}, covered | {dist.SUMS})

    def test_directories_of_several_machines_become_one(self) -> None:
        other = self.directory / "other"
        (other / "functions").mkdir(parents=True)
        for name in FUNCTIONS:
            (other / "functions" / packaged.artifact_name(name, "arm64", "0" * 64)).write_bytes(name.encode())
        (other / "hubctl-macos-arm64.tar.gz").write_bytes(b"")
        merged = self.directory / "merged"
        dist.merge(merged, [self.first, other])
        template = (merged / "template.yaml").read_text()
        self.assertIn("AllowedValues: [x86_64, arm64]", template)
        self.assertTrue((merged / "sbom" / "hubctl-macos-arm64.cdx.json").is_file())
        with self.assertRaisesRegex(SystemExit, "several"):
            dist.merge(self.directory / "twice", [self.first, self.first])
        flat = self.directory / "flat"
        dist.pack(merged, flat)
        names = {path.name for path in flat.iterdir()}
        self.assertEqual(len([name for name in names if name.endswith(".tar.gz")]), 3)
        self.assertEqual(len([name for name in names if name.endswith(".cdx.json")]), 8)
        archive = next(flat.glob("securityhub-exporter-*.tar.gz"))
        subprocess.run(["tar", "-xzf", archive], cwd=self.directory, check=True)
        extracted = self.directory / archive.name.removesuffix(".tar.gz")
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", dist.SUMS], cwd=extracted, check=True)

    def test_a_program_for_another_processor_is_rejected(self) -> None:
        wrong = self.directory / "wrong"
        shutil.copytree(self.directory / "programs", wrong)
        other = "arm64" if dist.target() == "linux-x86_64" else "x86_64"
        (wrong / FUNCTIONS[1]).write_bytes(PROGRAMS[other])
        with self.assertRaisesRegex(SystemExit, f"for {other}"):
            dist.build(self.directory / "rejected", wrong)


if __name__ == "__main__":
    unittest.main()
