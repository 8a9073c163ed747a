"""Runs a command and prints the resources that it used as one line of JSON: exit code, seconds, CPU seconds, and peak memory in MB.

    python local/measured.py COMMAND ...

A process of its own, because Linux adds the memory that a parent has when it starts a child to the child's peak. The command's output goes to
standard error.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time


def main() -> None:
    started = time.monotonic()
    process = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
    _, status = os.waitpid(process, 0)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({
        "code": os.waitstatus_to_exitcode(status),
        "seconds": time.monotonic() - started,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "memory_mb": usage.ru_maxrss / 1024,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
