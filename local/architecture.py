"""Checks that the functions that `sam build` left are programs for the processor that they are deployed for.

    python local/architecture.py x86_64|arm64 [FOLDER]

Run by `make deploy`. For x86_64, cargo-lambda compiles for the host, whatever that is; Lambda accepts the result, and each invocation
ends with Runtime.InvalidEntrypoint.
"""

from __future__ import annotations

import sys
from pathlib import Path

from settings import ROOT

BUILD = ROOT / ".aws-sam" / "build"
# The field e_machine of a little-endian ELF header (System V ABI, "ELF header").
MACHINES = {"x86_64": 0x3E, "arm64": 0xB7}
MACHINE_AT = 18


def architecture(program: Path) -> str:
    """The processor that a program is for, as Lambda names it."""
    header = program.read_bytes()[: MACHINE_AT + 2]
    if header[:4] != b"\x7fELF":
        return "no Linux program"
    machine = int.from_bytes(header[MACHINE_AT:], "little")
    return next((name for name, number in MACHINES.items() if number == machine), f"machine {machine}")


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in MACHINES:
        sys.exit(__doc__)
    expected, folder = sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else BUILD
    programs = sorted(folder.glob("*/bootstrap"))
    wrong = [f"{path}: for {architecture(path)}" for path in programs if architecture(path) != expected]
    if wrong or not programs:
        sys.exit("\n".join([*wrong, f"{len(programs)} functions in {folder}; each must be for {expected}. "
                                    "Give Architecture= the value of the host, or ARCHITECTURE= to make deploy"]))


if __name__ == "__main__":
    main()
