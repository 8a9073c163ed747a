"""Two emulators of S3 and DynamoDB for the adapter tests, which run on both (decision 29).

    python local/emulators.py run COMMAND ...   starts them, then COMMAND with EMULATORS, then stops them

`ministack` is the emulator of the local stack, `strict` a second opinion from other authors (strict.py). EMULATORS tells the tests
where they are, as JSON: {"ministack": URL, "strict": URL}. Run by `make test` and `make test-adapters`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import processes
import settings
from processes import Server
from settings import ACCOUNT, REGION, ROOT, Settings

STRICT_PYTHON = ROOT / ".venv-strict" / "bin" / "python"


def up(config: Settings) -> list[Server]:
    """Starts both, at the same time."""
    scratch = config.directory / "emulators"
    shutil.rmtree(scratch, ignore_errors=True)
    servers: list[Server] = []

    def launch(name: str, port: int, command: list, variables: dict[str, str]) -> None:
        # All its files, including caches, are in a separate directory.
        own = scratch / name
        own.mkdir(parents=True)
        places = {variable: str(own) for variable in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "FILESYSTEM_ROOT")}
        environment = processes.inherited() | places | variables
        log = config.logs / f"emulator-{name}.log"
        servers.append(processes.launch(name, [str(part) for part in command], environment, port, log))

    try:
        strict, ministack = processes.free_ports(2)
        credentials = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": REGION}
        launch("strict", strict, [STRICT_PYTHON, ROOT / "local" / "strict.py", strict], credentials)
        listening = {"BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0", "GATEWAY_PORT": str(ministack)}
        account = {"MINISTACK_ACCOUNT_ID": ACCOUNT, "MINISTACK_REGION": REGION}
        launch("ministack", ministack, [Path(sys.executable).parent / "ministack"], listening | account)
        for server in servers:
            processes.wait(server)
        return servers
    except BaseException:
        down(servers)
        raise


def down(servers: list[Server]) -> None:
    """Stops them. Their logs stay."""
    for server in servers:
        processes.stop(server)


def main() -> None:
    # `kill` ends it as Ctrl-C does: all started processes are stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    verb, *command = sys.argv[1:] or [""]
    if verb != "run" or not command:
        sys.exit(__doc__)
    servers = up(settings.read())
    emulators = json.dumps({server.name: server.url for server in servers})
    try:
        code = subprocess.run(command, cwd=ROOT, env=os.environ | {"EMULATORS": emulators}).returncode
    except KeyboardInterrupt:
        code = processes.INTERRUPTED
    finally:
        down(servers)
    sys.exit(code)


if __name__ == "__main__":
    main()
