"""Packages the functions as they are deployed, and fails where one is larger than a cold start should load.

    python local/package.py

Run by `make package`. `sam build` leaves a folder for each function in .aws-sam/build; SAM's own code makes a zip file of it, as
`sam deploy` does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from samcli.lib.package.utils import make_zip_with_lambda_permissions, zip_folder
from samcli.yamlhelper import yaml_parse

from settings import ROOT

BUILD = ROOT / ".aws-sam" / "build"
# Bytes of a function's zip file, less than which each must be: a cold start loads all of them.
ZIP_BYTES_BUDGET = 8_000_000
# Minimum size in bytes of a zip file with one of the programs.
ZIP_BYTES_MIN = 1_000_000


def functions() -> list[str]:
    """The functions of the template, by their names in it."""
    resources = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]
    return [name for name, resource in resources.items() if resource["Type"] == "AWS::Serverless::Function"]


def zipped_bytes(folder: Path) -> int:
    """The bytes of the zip file that `sam deploy` uploads for a folder."""
    with zip_folder(str(folder), make_zip_with_lambda_permissions) as (file, _):
        return Path(file).stat().st_size


def main() -> None:
    sam = Path(sys.executable).parent / "sam"
    path = os.pathsep.join([str(sam.parent), os.environ.get("PATH", "")])
    done = subprocess.run([str(sam), "build"], cwd=ROOT, env=os.environ | {"PATH": path, "SAM_CLI_TELEMETRY": "0"})
    if done.returncode:
        sys.exit(done.returncode)
    print(f"{'function':<28}{'program':>10}{'zipped':>10}")
    sizes = {}
    for name in functions():
        sizes[name] = zipped_bytes(BUILD / name)
        program = (BUILD / name / "bootstrap").stat().st_size
        print(f"{name:<28}{program / 1e6:>7.1f} MB{sizes[name] / 1e6:>7.2f} MB")
    wrong = [name for name, size in sizes.items() if not ZIP_BYTES_MIN <= size < ZIP_BYTES_BUDGET]
    if wrong or not sizes:
        sys.exit(f"{', '.join(wrong)}: not under {ZIP_BYTES_BUDGET:,} bytes zipped, or not a program at all; "
                 "docs/performance.md shows what they are made of")


if __name__ == "__main__":
    main()
