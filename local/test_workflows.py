"""The rules of workflows find what they are for."""

from __future__ import annotations

import unittest

import workflows

DIGEST = "3d3c42e5aac5ba805825da76410c181273ba90b1"
GOOD = f"""
on: {{push: {{branches: [main]}}}}
permissions: {{}}
concurrency: {{group: one}}
jobs:
  check:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions: {{contents: read}}
    steps:
      - uses: actions/checkout@{DIGEST} # v7.0.1
        with:
          persist-credentials: false
      - run: make check
"""


class Workflows(unittest.TestCase):
    def test_a_workflow_that_keeps_the_rules_has_no_findings(self) -> None:
        self.assertEqual(workflows.of_workflow(GOOD), [])

    def test_each_broken_rule_is_found(self) -> None:
        broken = {
            "not pinned": GOOD.replace(f"@{DIGEST} # v7.0.1", "@v7"),
            "with its version": GOOD.replace(" # v7.0.1", ""),
            "must be {}": GOOD.replace("permissions: {}\n", ""),
            "no concurrency": GOOD.replace("concurrency: {group: one}\n", ""),
            "no timeout-minutes": GOOD.replace("    timeout-minutes: 5\n", ""),
            "no permissions": GOOD.replace("    permissions: {contents: read}\n", ""),
            "latest image": GOOD.replace("ubuntu-24.04", "ubuntu-latest"),
            "keeps the token": GOOD.replace("persist-credentials: false", "persist-credentials: true"),
            "expression in a script": GOOD.replace("make check", "echo ${{ github.head_ref }}"),
            "code of strangers": GOOD.replace("push: {branches: [main]}", "pull_request_target: {}"),
        }
        for rule, text in broken.items():
            with self.subTest(rule):
                self.assertNotEqual(text, GOOD)
                self.assertRegex("\n".join(workflows.of_workflow(text)), rule.replace("{", r"\{"))


if __name__ == "__main__":
    unittest.main()
