"""SECURITY.md names tests and files that exist: each statement has a test."""

from __future__ import annotations

import re
import unittest

from settings import ROOT

PAGE = (ROOT / "SECURITY.md").read_text()
# The tests are named before the file in which they are.
CITED = re.compile(r"((?:`[a-z0-9_]+`(?:,? and |, | )?)+)in\s+`([\w/.-]+\.rs)`")


class SecurityPage(unittest.TestCase):
    def test_each_file_that_is_named_exists(self) -> None:
        files = set(re.findall(r"`((?:[\w.-]+/)*[\w-]+\.(?:rs|py|yaml|toml|txt|lock|md))`", PAGE))
        self.assertGreater(len(files), 10)
        self.assertEqual([file for file in sorted(files) if not (ROOT / file).is_file()], [])

    def test_each_test_that_is_named_is_in_its_file(self) -> None:
        named = 0
        for tests, file in CITED.findall(PAGE):
            text = (ROOT / file).read_text()
            for test in re.findall(r"`(\w+)`", tests):
                named += 1
                self.assertTrue(f"fn {test}(" in text, f"{file} has no test {test}")
        self.assertEqual(named, len(re.findall(r"`[a-z0-9]+(?:_[a-z0-9]+){3,}`", PAGE)))

    def test_each_statement_of_a_role_that_is_named_is_in_the_template(self) -> None:
        template = (ROOT / "template.yaml").read_text()
        named = {statement for statement in ("ProtectAuditLog", "DenySettingsWrites", "TlsOnly") if f"`{statement}`" in PAGE}
        self.assertEqual(len(named), 3)
        self.assertEqual([statement for statement in sorted(named) if f"Sid: {statement}\n" not in template], [])


if __name__ == "__main__":
    unittest.main()
