"""Release notes are the section of the tag's version, and nothing else."""

from __future__ import annotations

import unittest

import release_notes

MANIFEST = '[workspace]\nmembers = []\n\n[workspace.package]\nversion = "1.2.3"\n\n[dependencies]\nversion = "9.9.9"\n'
CHANGELOG = "# Changelog\n\n## Unreleased\n\n* next\n\n## 1.2.3 (2026-01-02)\n\n### Export\n\n* this\n\n## 1.2.2\n\n* last\n"


class ReleaseNotes(unittest.TestCase):
    def test_the_section_of_the_version_is_printed(self) -> None:
        self.assertEqual(release_notes.notes("v1.2.3", MANIFEST, CHANGELOG), "### Export\n\n* this\n")

    def test_a_tag_of_another_version_is_rejected(self) -> None:
        with self.assertRaisesRegex(ValueError, "v1.2.2 is not the version in Cargo.toml: 1.2.3"):
            release_notes.notes("v1.2.2", MANIFEST, CHANGELOG)

    def test_a_version_without_a_section_is_rejected(self) -> None:
        with self.assertRaisesRegex(ValueError, "no section ## 1.2.3"):
            release_notes.notes("v1.2.3", MANIFEST, CHANGELOG.replace("1.2.3", "1.2.4"))

    def test_the_manifest_of_the_workspace_states_a_version(self) -> None:
        self.assertRegex(release_notes.cargo_version((release_notes.ROOT / "Cargo.toml").read_text()), r"^\d+\.\d+\.\d+$")


if __name__ == "__main__":
    unittest.main()
