"""Tests of concurrently.py."""

from __future__ import annotations

import subprocess
import sys
import time
import unittest

import concurrently


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def ended(*commands: list[str]) -> subprocess.CompletedProcess[str]:
    arguments = [word for command in commands for word in [concurrently.SEPARATOR, *command]][1:]
    return subprocess.run([sys.executable, concurrently.__file__, *arguments], capture_output=True, text=True)


class Concurrently(unittest.TestCase):
    def test_the_output_of_later_commands_follows_the_first(self) -> None:
        done = ended(python("import time; time.sleep(0.5); print('first')"), python("print('second')"))
        self.assertEqual(done.returncode, 0, done)
        self.assertLess(done.stdout.index("first"), done.stdout.rindex("second"), done.stdout)

    def test_each_failure_is_a_failure(self) -> None:
        for codes in [(1, 0), (0, 1), (2, 3)]:
            done = ended(*(python(f"print('shown'); raise SystemExit({code})") for code in codes))
            self.assertEqual(done.returncode, 1, codes)
            self.assertEqual(done.stdout.splitlines().count("shown"), 2, done.stdout)

    def test_commands_run_at_the_same_time(self) -> None:
        began = time.monotonic()
        ended(*[python("import time; time.sleep(1)")] * 3)
        self.assertLess(time.monotonic() - began, 2.9)

    def test_a_command_is_required(self) -> None:
        self.assertEqual(ended(["true"], []).returncode, 1)


if __name__ == "__main__":
    unittest.main()
