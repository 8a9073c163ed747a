"""Generates scans: many findings from a sample finding of Prowler, or a later scan of the same account from a real one."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Container
from datetime import datetime, timezone
from pathlib import Path

from settings import ROOT

TEMPLATE = ROOT / "tests" / "scans" / "5.46.0-one-finding.ocsf.json"
REGION_NAMES = [
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1",
    "eu-north-1", "ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2", "sa-east-1",
    "ca-central-1",
]
# A real OCSF finding has 7 to 8 KB; the sample is padded to that size with text that is not sent.
FINDING_BYTES = 7000


def write_scan(path: Path, numbers: range, at: int, regions: int, passed: Container[int] = ()) -> None:
    """Writes a scan of one finding for each number, spread over the Regions. Findings whose number is in `passed` have
    the status PASS, the others FAIL."""
    text = _template(at)
    with path.open("w") as file:
        file.write("[")
        for index, number in enumerate(numbers):
            file.write("," if index else "")
            entry = text.replace("STATUS", "PASS" if number in passed else "FAIL", 1)
            file.write(entry.replace("NUMBER", str(number)).replace("REGION", REGION_NAMES[number % regions]))
        file.write("]")


def write_later_scan(source: Path, target: Path, at: int, change: Callable[[list[dict]], None]) -> None:
    """Writes the findings of a compressed scan as those of a scan at this time, after `change` has changed them."""
    findings = json.loads(gzip.decompress(source.read_bytes()))
    text = datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")
    for finding in findings:
        for part, name in ((finding, "time"), (finding["finding_info"], "created_time")):
            part[name], part[f"{name}_dt"] = at, text
    change(findings)
    target.write_bytes(gzip.compress(json.dumps(findings).encode()))


def _template(at: int) -> str:
    """A finding with the placeholders NUMBER, REGION, and STATUS."""
    finding = json.loads(TEMPLATE.read_text())[0]
    region = finding["cloud"]["region"]
    finding["status_code"] = "STATUS"
    finding["status_id"] = 1
    finding["finding_info"]["created_time"] = at
    text = json.dumps(finding, indent=4).replace(finding["resources"][0]["uid"], "arn:aws:s3:::bucket-NUMBER")
    text = text.replace(f'"{region}"', '"REGION"')
    filler = "x" * max(0, FINDING_BYTES - len(text))
    return text.replace('"risk_details": "', f'"risk_details": "{filler}', 1)
