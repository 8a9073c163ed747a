"""Costs are what the price pages say for the requests that were counted, and the page shows them."""

from __future__ import annotations

import copy
import json
import unittest

import cost
import prices


def request(service: str, operation: str, request_bytes: int = 0, response_bytes: int = 0, consistent: bool = False) -> dict:
    return {"key": "ASIA0", "service": service, "operation": operation, "request_bytes": request_bytes,
            "response_bytes": response_bytes, "consistent": consistent}  # fmt: skip


class Usage(unittest.TestCase):
    def test_requests_of_s3_are_counted_by_price(self) -> None:
        operations = ["PUT object", "PUT object ?partNumber", "GET bucket ?list-type", "GET object", "HEAD object", "DELETE object"]
        used = cost.usage([request("s3", operation, 100) for operation in operations])
        self.assertEqual((used["s3_writes"], used["s3_reads"], used["s3_free"]), (3, 2, 1))

    def test_a_write_unit_is_1_kb(self) -> None:
        self.assertEqual(cost.usage([request("dynamodb", "PutItem", 1025)])["write_units"], 2)

    def test_a_transaction_takes_two_units_for_each_kb_of_each_item(self) -> None:
        transaction = request("dynamodb", "TransactWriteItems", 1600) | {"item_bytes": [1025, 300]}
        self.assertEqual(cost.usage([transaction])["write_units"], 2 * (2 + 1))

    def test_a_read_unit_is_4_kb_and_an_eventually_consistent_read_takes_half(self) -> None:
        used = cost.usage([request("dynamodb", "GetItem", 50, 4097, consistent=True), request("dynamodb", "Query", 50, 100)])
        self.assertEqual(used["read_units"], 2.5)

    def test_other_services_are_counted_by_operation(self) -> None:
        self.assertEqual(cost.usage([request("events", "PutEvents")] * 2)["other"], {"events PutEvents": 2})

    def test_billable_requests_include_the_queue_and_the_invocation_and_no_deletes(self) -> None:
        used = cost.usage([request("s3", "GET object"), request("s3", "DELETE object"), request("dynamodb", "GetItem")])
        self.assertEqual(cost.billable(used), 2 + 3 + 1)


class Ingestion(unittest.TestCase):
    def test_the_first_10_000_events_of_each_region_are_free(self) -> None:
        self.assertEqual(cost.ingestion(40_000, regions=4), 0)
        self.assertAlmostEqual(cost.ingestion(140_000, regions=4), 100_000 * 0.00003)

    def test_prowler_sends_every_failed_finding_with_every_scan(self) -> None:
        runs = {"failed": 1_000, "results": 5_000, "changed": {"billed": 20}}
        self.assertEqual(list(cost.events(runs).values()), [1_600, 30_300, 150_300])


# The benchmark: billable requests of an export in which nothing changed, whatever the size of the scan.
UNCHANGED_REQUESTS_MAX = 26


class Month(unittest.TestCase):
    def setUp(self) -> None:
        self.measured = json.loads(cost.MEASURED.read_text())

    def test_every_price_is_used(self) -> None:
        """A price that nothing depends on would be one that the page leaves out."""
        optional = {"KMS_KEY_MONTH", "SECRET_MONTH", "SECRET_REQUEST", "MILLION", "GB"}
        before = cost.render(self.measured)
        for name in [name for name in vars(prices) if name.isupper() and name not in optional]:
            value = getattr(prices, name)
            setattr(prices, name, value * 1_000)
            try:
                changed = cost.render(self.measured) != before or self._is_unused(name)
            finally:
                setattr(prices, name, value)
            self.assertTrue(changed, name)

    def _is_unused(self, name: str) -> bool:
        dashboards = self.measured["template"]["dashboards"]
        return name == "CLOUDWATCH_DASHBOARD_MONTH" and not dashboards

    def test_each_upload_is_an_event_of_the_bucket(self) -> None:
        size = next(iter(self.measured["sizes"]))
        more, fewer = (cost.monthly(self.measured, size, accounts)["EventBridge"] for accounts in (2_000, 1_000))
        self.assertAlmostEqual(more - fewer, 1_000 * cost.DAYS * 1.00 / 1_000_000)

    def test_the_template_has_what_was_counted(self) -> None:
        self.assertEqual(self.measured["template"], cost.template_counts(), "make cost")

    def test_metrics_of_exports_and_checks_were_counted(self) -> None:
        for name, count in self.measured["metrics"].items():
            self.assertGreater(count, 0, name)

    def test_a_second_alarm_costs_ten_cents(self) -> None:
        more = copy.deepcopy(self.measured)
        more["template"]["alarms"] += 1
        size = next(iter(more["sizes"]))
        difference = cost.monthly(more, size, 1)["CloudWatch"] - cost.monthly(self.measured, size, 1)["CloudWatch"]
        self.assertAlmostEqual(difference, 0.10)

    def test_a_scan_in_which_nothing_changed_sends_nothing(self) -> None:
        for size, runs in self.measured["sizes"].items():
            self.assertEqual(runs["unchanged"]["billed"], 0, size)
            self.assertEqual(runs["first"]["billed"], runs["failed"], size)

    def test_an_export_in_which_nothing_changed_makes_few_billable_requests(self) -> None:
        for size, runs in self.measured["sizes"].items():
            self.assertLessEqual(cost.billable(runs["unchanged"]), UNCHANGED_REQUESTS_MAX, size)

    def test_the_page_has_the_tables_of_the_measurement(self) -> None:
        text = cost.PAGE.read_text()
        self.assertEqual(cost.page(text, cost.render(self.measured)), text)


if __name__ == "__main__":
    unittest.main()
