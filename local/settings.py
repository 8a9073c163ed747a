"""Settings of a local stack: the only module that reads the environment."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Where `make build` and `make bench` put our own programs, whatever Cargo's target folder is.
PROGRAMS = ROOT / ".local" / "bin"
RELEASE_PROGRAMS = ROOT / ".local" / "release"

# The account of the sample scans in tests/scans. The local AWS uses a twelve-digit access key ID as the account.
ACCOUNT = "123456789012"
REGION = "eu-west-1"
STACK_NAME = "securityhub-exporter"

# Tried first; where they are taken, free ones are chosen.
AWS_PORT = 4566
SIMULATOR_PORT = 4600
CONSOLE_PORT = 8017

# Overrides of template.yaml's parameters. An upload that fails is tried again after seconds, not hours, so that one can
# watch it reach the dead-letter queue.
PARAMETERS = {"QueueVisibilityTimeoutSeconds": "15", "MaxReceiveCount": "2", "LogRetentionDays": "1"}


@dataclass(frozen=True)
class Settings:
    """Settings of one local stack from the environment."""

    directory: Path
    aws_port: int | None
    simulator_port: int | None
    simulator_config: Path
    parameters: dict[str, str]
    # What `sam build` left, to be deployed instead of the programs of `make build`.
    package: Path | None
    # Where each request to the local AWS is logged; None: it is not.
    request_log: Path | None

    @property
    def stack_file(self) -> Path:
        """Endpoints, names and process ids of the stack while it is up."""
        return self.directory / "stack.json"

    @property
    def environment_file(self) -> Path:
        """To be sourced by a shell: AWS's own tools then speak to the stack."""
        return self.directory / "env.sh"

    @property
    def decisions_file(self) -> Path:
        """What IAM allowed and denied to the functions' roles, a line of JSON each."""
        return self.directory / "iam.jsonl"

    @property
    def logs(self) -> Path:
        return self.directory / "logs"


def read() -> Settings:
    """Reads the settings; every variable is optional."""
    directory = Path(os.environ.get("LOCAL_DIR") or ".local")
    config = Path(os.environ.get("SIMULATOR_CONFIG") or "local/simulator.json")
    return Settings(
        directory=ROOT / directory,
        aws_port=_port("LOCAL_AWS_PORT"),
        simulator_port=_port("LOCAL_SIMULATOR_PORT"),
        simulator_config=ROOT / config,
        parameters=PARAMETERS | _pairs("LOCAL_PARAMETERS"),
        package=ROOT / os.environ["PACKAGE"] if os.environ.get("PACKAGE") else None,
        request_log=ROOT / os.environ["REQUEST_LOG"] if os.environ.get("REQUEST_LOG") else None,
    )


def _port(name: str) -> int | None:
    text = os.environ.get(name)
    if not text:
        return None
    if not text.isdecimal() or not 0 < int(text) < 65536:
        sys.exit(f"{name} must be a port number, not {text!r}")
    return int(text)


def _pairs(name: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in os.environ.get(name, "").split()]
    if any(not separator for _, separator, _ in pairs):
        sys.exit(f"{name} must be pairs such as MaxReceiveCount=3 LogLevel=debug")
    return {key: value for key, _, value in pairs}
