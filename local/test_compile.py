"""Programs of a release depend on nothing of the machine that compiles them."""

from __future__ import annotations

import shlex
import tempfile
import unittest
from pathlib import Path

import compile as release

ROOT, TARGET = Path("/checkout/with space"), Path("/checkout/with space/target/dist")
INHERITED = {
    "PATH": "/bin", "CARGO_HOME": "/somewhere/cargo", "RUSTFLAGS": "-C target-cpu=native", "CARGO_ENCODED_RUSTFLAGS": "-g",
    "CFLAGS": "-O0", "CFLAGS_x86_64_unknown_linux_gnu": "-g", "CARGO_PROFILE_RELEASE_LTO": "true", "RUSTC_WRAPPER": "sccache",
    "CARGO_BUILD_RUSTFLAGS": "-g", "CARGO_TARGET_DIR": "/elsewhere",
}  # fmt: skip


class Compile(unittest.TestCase):
    def test_flags_of_the_developer_are_ignored(self) -> None:
        environment = release.environment(ROOT, TARGET, INHERITED, "1700000000", [])
        left = {name for name in INHERITED if environment.get(name) == INHERITED[name]}
        self.assertEqual(left, {"PATH", "CARGO_HOME"})
        self.assertEqual(environment["CARGO_TARGET_DIR"], str(TARGET))
        self.assertEqual(environment["SOURCE_DATE_EPOCH"], "1700000000")

    def test_each_directory_of_the_machine_is_replaced_the_innermost_last(self) -> None:
        flags = release.environment(ROOT, TARGET, INHERITED, "0", ["-C", "target-cpu=haswell"])["CARGO_ENCODED_RUSTFLAGS"].split("\x1f")
        self.assertEqual(flags, [
            "-C", "target-cpu=haswell",
            "--remap-path-prefix=/somewhere/cargo=/cargo",
            "--remap-path-prefix=/checkout/with space=/securityhub-exporter",
            "--remap-path-prefix=/checkout/with space/target/dist=/securityhub-exporter/target",
        ])  # fmt: skip

    def test_a_space_in_a_path_does_not_split_a_flag_of_the_c_compiler(self) -> None:
        environment = release.environment(ROOT, TARGET, INHERITED, "0", [])
        self.assertEqual(environment["CC_SHELL_ESCAPED_FLAGS"], "1")
        self.assertIn("-ffile-prefix-map=/checkout/with space=/securityhub-exporter", shlex.split(environment["CFLAGS"]))
        self.assertNotIn("CC_SHELL_ESCAPED_FLAGS", release.environment(Path("/checkout"), Path("/target"), INHERITED, "0", []))

    def test_two_checkouts_have_the_same_paths_in_their_programs(self) -> None:
        def replaced(root: Path) -> list[str]:
            pairs = release.prefixes(root, root / "home" / ".cargo", root / "target")
            file = str(root / "target" / "out" / "generated.rs")
            return [new + file[len(old):] for old, new in pairs if file.startswith(old)][-1:]

        self.assertEqual(replaced(Path("/a")), replaced(Path("/b/c/d")))

    def test_a_path_of_the_machine_in_a_program_is_found(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            program = Path(directory) / "program"
            pairs = release.prefixes(ROOT, Path("/somewhere/cargo"), TARGET)
            program.write_bytes(b"\0/somewhere/cargo/registry/src/lib.rs\0")
            self.assertEqual(release.leaked(program, pairs), ["/somewhere/cargo"])
            program.write_bytes(b"\0/cargo/registry/src/lib.rs\0")
            self.assertEqual(release.leaked(program, pairs), [])

    def test_each_system_compiles_what_it_can(self) -> None:
        programs = Path("programs")
        linux = release.command("Linux", "aarch64", programs)
        self.assertEqual([word for word in linux if word in [*release.FUNCTIONS, release.HUBCTL]], [*release.FUNCTIONS, release.HUBCTL])
        self.assertIn("--arm64", linux)
        self.assertIn("--x86-64", release.command("Linux", "x86_64", programs))
        self.assertEqual(release.command("Darwin", "arm64", programs)[-1], release.HUBCTL)
        self.assertEqual(release.processor_flags("Linux", "aarch64"), ["-C", "target-cpu=neoverse-n1"])
        self.assertEqual(release.processor_flags("Darwin", "arm64"), [])
        with self.assertRaisesRegex(ValueError, "riscv64"):
            release.command("Linux", "riscv64", programs)


if __name__ == "__main__":
    unittest.main()
