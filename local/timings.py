"""Prints the most expensive units of a build with Cargo's --timings.

    python3 local/timings.py FOLDER     FOLDER is the target folder of that build

Run by `make timings`. Times are of wall clocks: of a machine that does nothing else they are those of the processor.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

SHOWN = 25


def units(report: Path) -> list[dict]:
    """The compiled units and build scripts in the report."""
    data = re.search(r"const UNIT_DATA = (\[.*?\n?\]);", report.read_text(), re.DOTALL)
    if data is None:
        sys.exit(f"{report} is not understood: another version of Cargo?")
    return json.loads(data[1])


def main() -> None:
    report = Path(sys.argv[1]).resolve() / "cargo-timings" / "cargo-timing.html"
    found = sorted(units(report), key=lambda unit: -unit["duration"])
    print(f"{'seconds':>8}  crate")
    for unit in found[:SHOWN]:
        print(f"{unit['duration']:>8.1f}  {unit['name']} {unit['version']}{unit['target']}")
    rest = sum(unit["duration"] for unit in found[SHOWN:])
    print(f"{rest:>8.1f}  {len(found) - SHOWN} others")
    print(f"{sum(unit['duration'] for unit in found):>8.1f}  all, on all cores together\n\nThe whole report: {report}")


if __name__ == "__main__":
    main()
