"""Tests of the clones in which a release is built twice. test_dist.py compares what they have."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

import reproducible


def commit(root: Path, content: str) -> str:
    """Commits a file, and returns the commit."""
    (root / "file").write_text(content)
    reproducible.git("add", "file", at=root)
    identity = ("-c", "user.name=any", "-c", "user.email=any@example.com")
    reproducible.git(*identity, "commit", "--quiet", "--message", content, at=root)
    return reproducible.git("rev-parse", "HEAD", at=root)


class Reproducible(unittest.TestCase):
    def test_a_commit_between_the_builds_is_in_neither(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root, clone = Path(folder) / "root", Path(folder) / "clone"
            root.mkdir()
            reproducible.git("init", "--quiet", at=root)
            first = commit(root, "first")
            commit(root, "second")
            with mock.patch.object(reproducible, "ROOT", root):
                reproducible.check_out(first, clone)
            self.assertEqual((clone / "file").read_text(), "first")


if __name__ == "__main__":
    unittest.main()
