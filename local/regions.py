"""Keeps shared/asff/src/regions.json, which Regions there are, in step with the endpoint data of the botocore in .venv.

`regions.py` adds what botocore knows and the file does not; `regions.py --check` says what that would be, and fails.

A Region is never taken out: AWS closes none, and the botocore that the SAM CLI wants may be older than the one that the
file was made with. Which Regions every account has is not in the endpoint data as such. It follows from when they opened:
those that the old global endpoint of STS served are the ones from before March 2019, and every Region since has to be
switched on, with the exceptions below.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import botocore
from botocore.args import LEGACY_GLOBAL_STS_REGIONS

FILE = Path(__file__).resolve().parent.parent / "shared/asff/src/regions.json"
SERVICE = "securityhub"
# The partitions that Prowler scans and that have Security Hub.
PARTITIONS = ("aws", "aws-cn", "aws-us-gov", "aws-eusc")
# Osaka opened as a local Region for invited accounts in 2018 and for everybody in 2021; every account has it.
ALSO_DEFAULT = {"ap-northeast-3"}
GROUPS = ("default", "opt_in", "announced")
WIDTH = 120


def of_botocore() -> dict[str, dict[str, set[str]]]:
    """The Regions by partition and by how an account gets them."""
    data = Path(botocore.__file__).parent / "data"
    endpoints = {entry["partition"]: entry for entry in json.loads((data / "endpoints.json").read_text())["partitions"]}
    named = {entry["id"]: entry for entry in json.loads((data / "partitions.json").read_text())["partitions"]}
    found = {}
    for partition in PARTITIONS:
        regions = set(endpoints[partition]["regions"])
        # In addition to Regions, the endpoints have names such as `us-east-1-fips`.
        open_ = regions & set(endpoints[partition]["services"][SERVICE]["endpoints"])
        default = open_ & (set(LEGACY_GLOBAL_STS_REGIONS) | ALSO_DEFAULT) if partition == "aws" else open_
        announced = {name for name in named[partition]["regions"] if "global" not in name} - open_
        found[partition] = {"default": default, "opt_in": open_ - default, "announced": announced}
    return found


def merge(
    kept: dict[str, dict[str, list[str]]], found: dict[str, dict[str, set[str]]]
) -> dict[str, dict[str, list[str]]]:
    """The file's Regions and botocore's; one that was announced leaves that group when it opens."""
    merged = {}
    for partition in PARTITIONS:
        mine = {group: set(kept.get(partition, {}).get(group, [])) for group in GROUPS}
        default, opt_in = mine["default"], mine["opt_in"]
        default |= found[partition]["default"] - opt_in
        opt_in |= found[partition]["opt_in"] - default
        mine["announced"] |= found[partition]["announced"]
        mine["announced"] -= default | opt_in
        merged[partition] = {group: sorted(names) for group, names in mine.items()}
    return merged


def render(source: str, partitions: dict[str, dict[str, list[str]]]) -> str:
    """The file: short lists on one line, long ones filled."""
    blocks = []
    for partition, groups in partitions.items():
        flat = f"    {json.dumps(partition)}: {json.dumps(groups)}".replace("{", "{ ").replace("}", " }")
        blocks.append(flat if len(flat) < WIDTH else f"    {json.dumps(partition)}: {{\n{render_groups(groups)}\n    }}")
    body = ",\n".join(blocks)
    return f'{{\n  "source": {json.dumps(source)},\n  "partitions": {{\n{body}\n  }}\n}}\n'


def render_groups(groups: dict[str, list[str]]) -> str:
    rendered = []
    for group, names in groups.items():
        line = f"      {json.dumps(group)}: {json.dumps(names)}"
        rendered.append(line if len(line) < WIDTH else f"      {json.dumps(group)}: [\n{fill(names)}\n      ]")
    return ",\n".join(rendered)


def fill(names: list[str]) -> str:
    lines = [" " * 7]
    for index, name in enumerate(names):
        word = f' "{name}"' + ("," if index + 1 < len(names) else "")
        if len(lines[-1]) + len(word) > WIDTH - 1:
            lines.append(" " * 7)
        lines[-1] += word
    return "\n".join(lines)


def entries(partitions: dict[str, dict[str, list[str]]]) -> set[tuple[str, str, str]]:
    return {(id_, group, name) for id_, groups in partitions.items() for group, names in groups.items() for name in names}


def main() -> int:
    file = json.loads(FILE.read_text())
    kept = file["partitions"]
    merged = merge(kept, of_botocore())
    new = sorted(entries(merged) - entries(kept))
    if not new:
        print(f"{FILE.name} knows every Region of botocore {botocore.__version__}")
        return 0
    for partition, group, name in new:
        print(f"{partition}: {name} ({group}) is new", file=sys.stderr)
    if "--check" in sys.argv[1:]:
        print("run: make regions", file=sys.stderr)
        return 1
    source = (
        f"AWS endpoint data of botocore {botocore.__version__} for Security Hub, and what older data had; announced: named in "
        "its partition data only"
    )
    FILE.write_text(render(source, merged))
    return 0


if __name__ == "__main__":
    sys.exit(main())
