"""The comparison of Prowler's results with what is known finds each kind of difference."""

from __future__ import annotations

import unittest

import prowler_known
import scan_stack
from prowler_known import Result


def expected() -> tuple[list[Result], list[Result]]:
    """The results of both deployments, as they are known; resources that fail nowhere have a check that passes."""
    exceptions = [Result(check, name, "FAIL") for check, name in sorted(prowler_known.exceptions())]
    passed = [Result("passes", name, "PASS") for kind in prowler_known.SCANNED for name in prowler_known.names(kind)]
    default, hardened = ([Result(check, name, status) for check, name in sorted(prowler_known.by_parameter())] for status in ("FAIL", "PASS"))
    return exceptions + passed + default, exceptions + passed + hardened


def finding(check: str, uid: str, status: str = "PASS") -> dict:
    return {"metadata": {"event_code": check}, "status_code": status, "resources": [{"uid": uid}]}


class Comparison(unittest.TestCase):
    def setUp(self) -> None:
        self.default, self.hardened = expected()

    def mismatches(self) -> list[str]:
        return prowler_known.mismatches(self.default, self.hardened)

    def test_the_known_results_have_no_mismatch(self) -> None:
        self.assertEqual(self.mismatches(), [])
        self.assertGreater(len(self.default), 50)

    def test_a_failure_without_a_reason_is_a_mismatch(self) -> None:
        self.hardened.append(Result("s3_bucket_public_access", "ScanBucket", "FAIL"))
        self.assertEqual(len(self.mismatches()), 1)
        self.assertIn("fix it", self.mismatches()[0])

    def test_an_exception_is_for_its_resources_alone(self) -> None:
        self.default.append(Result("s3_bucket_event_notifications_enabled", "ScanBucket", "FAIL"))
        self.assertEqual(len(self.mismatches()), 1)

    def test_an_exception_that_no_longer_occurs_is_a_mismatch(self) -> None:
        gone = Result("s3_bucket_object_lock", "StateBucket", "FAIL")
        self.default.remove(gone)
        self.hardened.remove(gone)
        self.assertEqual(len(self.mismatches()), 2)

    def test_a_check_that_no_parameter_makes_pass_is_a_mismatch(self) -> None:
        place = self.hardened.index(Result("s3_bucket_kms_encryption", "StateBucket", "PASS"))
        self.hardened[place] = Result("s3_bucket_kms_encryption", "StateBucket", "FAIL")
        self.assertEqual(len(self.mismatches()), 2)

    def test_a_check_without_a_result_is_not_a_pass(self) -> None:
        self.hardened.remove(Result("s3_bucket_kms_encryption", "StateBucket", "PASS"))
        self.assertEqual(len(self.mismatches()), 1)

    def test_a_resource_without_any_result_is_a_mismatch(self) -> None:
        self.default = [result for result in self.default if result.resource != "ExportQueue"]
        self.assertEqual(self.mismatches(), ["default: no check has a result for ExportQueue"])

    def test_a_scan_without_results_does_not_pass(self) -> None:
        self.default = self.hardened = []
        self.assertGreater(len(self.mismatches()), 50)


class Findings(unittest.TestCase):
    def test_findings_are_about_the_stack_if_their_resource_is(self) -> None:
        resources = {"exporter-logs": "Logs", "topic-1": "Topic", "exporter-scans": "ScanBucket"}
        findings = [
            finding("logs", "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/exporter-logs:*"),
            finding("subscription", "arn:aws:sns:eu-west-1:123456789012:topic-1:0b5d", "FAIL"),
            finding("bucket", "arn:aws:s3:::exporter-scans"),
            finding("bucket", "arn:aws:s3:::exporter-scans-of-others", "FAIL"),
            finding("account", "arn:aws:iam::123456789012:root", "FAIL"),
        ]
        results, others = scan_stack.of_the_stack(findings, resources)
        self.assertEqual(set(results), {Result("logs", "Logs", "PASS"), Result("subscription", "Topic", "FAIL"), Result("bucket", "ScanBucket", "PASS")})
        self.assertEqual(others, {"bucket": 1, "account": 1})

    def test_what_was_not_answered_is_found_in_the_log(self) -> None:
        line = '{{"timestamp": "t", "filename": "f.py:1", "level": "{}", "module": "m", "message": "{}"}}'
        failed = "ClientError[1]: An error occurred ({}) when calling the {} operation: Unknown"
        log = "\n".join([
            line.format("ERROR", failed.format("InvalidAction", "ListServerCertificates")),
            line.format("ERROR", failed.format("NoSuchEntity", "GetAccountPasswordPolicy")),
            line.format("WARNING", failed.format("InvalidAction", "Other")),
            line.format("ERROR", 'Could not connect to the endpoint URL: "http://1.127.0.0.1:4566/v1/mrap"'),
            line.format("ERROR", "iam_check -- ParserError[1]: not supported"),
        ])  # fmt: skip
        self.assertEqual(scan_stack.unanswered(log), ["/v1/mrap", "ListServerCertificates: InvalidAction", "iam_check -- ParserError[1]: not supported"])


class Page(unittest.TestCase):
    def test_the_page_has_the_tables_of_what_is_known(self) -> None:
        text = prowler_known.PAGE.read_text()
        self.assertEqual(prowler_known.page(text), text)


if __name__ == "__main__":
    unittest.main()
