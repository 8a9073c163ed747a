"""Compares the findings in Security Hub with the scan that they should show."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

# Prowler's Ids end with this many hexadecimal digits of the resource's hash.
HASH_DIGITS = 9


@dataclass(frozen=True)
class Difference:
    """What a hub has, compared with a scan. Every number is a number of findings."""

    # Active, and failed in the scan.
    correct: int = 0
    # Failed in the scan, and not in the hub.
    missing: int = 0
    # Failed in the scan, and archived in the hub.
    archived: int = 0
    # Active in the hub, and passed in the scan or absent from it.
    stale: int = 0

    def __str__(self) -> str:
        wrong = [f"{getattr(self, name):,} {name}" for name in ("missing", "archived", "stale") if getattr(self, name)]
        return ", ".join(wrong) or "correct"


def finding_id(entry: dict) -> str:
    """The Id in Security Hub of an OCSF finding."""
    digest = hashlib.sha512(entry["resources"][0]["uid"].encode()).hexdigest()[:HASH_DIGITS]
    return f"prowler-{entry['metadata']['event_code']}-{entry['cloud']['account']['uid']}-{entry['cloud']['region']}-{digest}"


def failed(scan: Iterable[dict]) -> set[str]:
    """The Ids of the findings that should be active after an export of failed findings."""
    return {finding_id(entry) for entry in scan if entry["status_code"] == "FAIL"}


def compare(expected: set[str], hub: Iterable[dict]) -> Difference:
    """Compares Ids that should be active with findings as Security Hub returns them, of all Regions."""
    states = {finding["Id"]: finding.get("RecordState", "ACTIVE") for finding in hub}
    active = {identifier for identifier, state in states.items() if state == "ACTIVE"}
    return Difference(
        correct=len(expected & active),
        missing=len(expected - states.keys()),
        archived=len((expected & states.keys()) - active),
        stale=len(active - expected),
    )
