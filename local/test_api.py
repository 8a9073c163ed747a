"""Tests the management API from its own description: schemathesis makes requests of it, good and bad, and holds the
answers against it.

    python local/test_api.py SERVER     SERVER is .local/bin/serve

Run by `make test-api`. The server keeps everything in memory and is stopped at the end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import processes

PORT = 4610
# Requests for each operation. More find rarer things: API_EXAMPLES=1000 make test-api
EXAMPLES = "60"
# The same requests each time, so that a failure is reproducible.
SEED = "1"
CONFIG = Path(__file__).resolve().parent / "schemathesis.toml"


def main() -> int:
    port = processes.free_port(None, PORT)
    server = subprocess.Popen([Path(sys.argv[1]).resolve(), str(port)], stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().strip()
        if not url:
            sys.exit(f"{sys.argv[1]} does not serve")
        command = [
            str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(CONFIG), "run", f"{url}/openapi.json",
            "--max-examples", os.environ.get("API_EXAMPLES") or EXAMPLES, "--seed", SEED, "--no-color",
        ]  # fmt: skip
        # It leaves a folder where it runs.
        with tempfile.TemporaryDirectory() as folder:
            return subprocess.run(command, cwd=folder).returncode
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    sys.exit(main())
