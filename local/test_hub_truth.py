"""The comparison of a hub with a scan finds each kind of difference."""

from __future__ import annotations

import gzip
import json
import unittest

import hub_truth
from hub_truth import Difference
from settings import ROOT

SCANS = ROOT / "tests" / "scans"
ENTRY = {
    "metadata": {"event_code": "check"}, "cloud": {"account": {"uid": "123456789012"}, "region": "eu-west-1"},
    "resources": [{"uid": "arn:aws:s3:::bucket"}], "status_code": "FAIL",
}  # fmt: skip


def in_hub(identifier: str, state: str = "ACTIVE") -> dict:
    return {"Id": identifier, "RecordState": state}


class HubTruth(unittest.TestCase):
    def test_a_hub_that_shows_the_scan_is_correct(self) -> None:
        difference = hub_truth.compare({"a", "b"}, [in_hub("a"), in_hub("b"), in_hub("c", "ARCHIVED")])
        self.assertEqual(difference, Difference(correct=2))
        self.assertEqual(str(difference), "correct")

    def test_each_kind_of_difference_is_counted(self) -> None:
        hub = [in_hub("a"), in_hub("b", "ARCHIVED"), in_hub("d"), in_hub("e"), in_hub("f", "ARCHIVED")]
        difference = hub_truth.compare({"a", "b", "c"}, hub)
        self.assertEqual(difference, Difference(correct=1, missing=1, archived=1, stale=2))
        self.assertEqual(str(difference), "1 missing, 1 archived, 2 stale")

    def test_an_empty_hub_lacks_every_finding(self) -> None:
        self.assertEqual(hub_truth.compare({"a", "b"}, []), Difference(missing=2))

    def test_a_passed_finding_should_not_be_active(self) -> None:
        passed = ENTRY | {"status_code": "PASS", "resources": [{"uid": "arn:aws:s3:::another"}]}
        expected = hub_truth.failed([ENTRY, passed])
        self.assertEqual(len(expected), 1)
        self.assertEqual(hub_truth.compare(expected, map(in_hub, hub_truth.failed([passed | {"status_code": "FAIL"}]))),
                         Difference(missing=1, stale=1))  # fmt: skip

    def test_ids_are_those_of_prowlers_own_asff(self) -> None:
        ours = [hub_truth.finding_id(entry) for entry in _scan("ocsf") if entry["status_code"] != "MANUAL"]
        theirs = [finding["Id"] for finding in _scan("asff")]
        self.assertGreater(len(ours), 1_000)
        self.assertEqual(ours, theirs)


def _scan(form: str) -> list[dict]:
    with gzip.open(SCANS / f"5.46.0-scan-1.{form}.json.gz", "rt") as file:
        return json.load(file)


if __name__ == "__main__":
    unittest.main()
