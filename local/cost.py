"""Computes what the exporter costs per month from requests that are counted on a local stack.

    python local/cost.py measure   counts requests on a local stack, writes local/cost.json and the tables in docs/cost.md
    python local/cost.py render    writes the tables from local/cost.json

`measure` is `make cost`. It deploys the stack and uploads three scans of each size: a first one, one with the same findings a day later, and
one in which a hundredth of the failed findings are resolved and as many are new. local/request_log.py logs the requests of the functions, and the
simulator the calls to Security Hub. The number of accounts and the prices (local/prices.py) turn them into costs.
"""

from __future__ import annotations

import json
import math
import signal
import sys
from collections import Counter
from pathlib import Path

from samcli.yamlhelper import yaml_parse

import prices
from settings import ROOT

MEASURED = ROOT / "local" / "cost.json"
PAGE = ROOT / "docs" / "cost.md"

ACCOUNTS = (1, 100, 1_000)
DAYS = 30
HOURS = DAYS * 24
MEMORY_GB = 1769 / 1024
# docs/performance.md, "Connection checks": wall time of the check of one account and of 1,000, with 34 Regions and 80 ms per call.
CHECK_SECONDS_ONE = 1.25
CHECK_SECONDS_THOUSAND = 160
# A poller waits 20 s for messages, and Lambda has 5 of them for each queue, even if the queue is empty.
POLLS_MONTH = 5 * DAYS * 86_400 // 20
# Requests that deliver one upload: EventBridge sends it, Lambda receives and deletes it.
SQS_REQUESTS_PER_UPLOAD = 3
# "Object Created", once for each object, whether it was uploaded whole or in parts.
BUCKET_EVENTS_PER_UPLOAD = 1
# Above this size, boto3 uploads an object in parts of this size.
PART_BYTES = 8 * 2**20
# Reports and quarantine (RunRetentionDays); earlier versions of the state are retained for 30 days.
RETENTION_DAYS = 90

COUNTED = ("s3_writes", "s3_reads", "s3_free", "dynamodb", "read_units", "write_units")
FREE_S3 = ("DELETE",)
S3_WRITES = ("PUT", "POST", "LIST")
READS = ("GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems")
WRITE_UNIT_BYTES = 1024
READ_UNIT_BYTES = 4096


def usage(lines: list[dict]) -> dict:
    """The requests in a request log: S3 requests by price, DynamoDB requests and units, and the rest by service."""
    used = {"s3_writes": 0, "s3_reads": 0, "s3_free": 0, "s3_put_bytes": 0, "dynamodb": 0, "read_units": 0.0, "write_units": 0,
            "other": {}}  # fmt: skip
    for line in lines:
        if line["service"] == "s3":
            used[_s3_kind(line["operation"])] += 1
            used["s3_put_bytes"] += line["request_bytes"]
        elif line["service"] == "dynamodb":
            used["dynamodb"] += 1
            kind, units = _units(line)
            used[kind] += units
        else:
            name = f"{line['service']} {line['operation']}"
            used["other"][name] = used["other"].get(name, 0) + 1
    return used


def _s3_kind(operation: str) -> str:
    method, kind, *_ = operation.split(" ")
    if method in FREE_S3:
        return "s3_free"
    return "s3_writes" if method in S3_WRITES or kind == "bucket" else "s3_reads"


def _units(line: dict) -> tuple[str, float]:
    """The request units of a call. The sizes are those of the JSON, which is larger than the items."""
    if line["operation"] in READS:
        units = max(1, math.ceil(line["response_bytes"] / READ_UNIT_BYTES))
        return "read_units", units if line.get("consistent") else units / 2
    # A transaction takes two units for each KB of each of its items.
    sizes, each = (line["item_bytes"], 2) if line["operation"] == "TransactWriteItems" else ([line["request_bytes"]], 1)
    return "write_units", each * sum(max(1, math.ceil(size / WRITE_UNIT_BYTES)) for size in sizes)


def template_counts() -> dict[str, int]:
    """What the template has that costs something each month, whether or not there are scans."""
    resources = yaml_parse((ROOT / "template.yaml").read_text())["Resources"].values()
    types = Counter(resource["Type"] for resource in resources)
    events = [event for resource in resources for event in resource.get("Properties", {}).get("Events", {}).values()]
    return {
        "alarms": types["AWS::CloudWatch::Alarm"],
        "dashboards": types["AWS::CloudWatch::Dashboard"],
        "polled_queues": sum(event["Type"] == "SQS" for event in events),
    }


def billable(used: dict) -> int:
    """The requests of one export that appear on a bill: S3, DynamoDB, and the queue; the invocation is one more."""
    return used["s3_writes"] + used["s3_reads"] + used["dynamodb"] + SQS_REQUESTS_PER_UPLOAD + 1


def upload_requests(scan_bytes: int) -> int:
    """The S3 requests of Prowler's upload, by boto3."""
    return 1 if scan_bytes < PART_BYTES else math.ceil(scan_bytes / PART_BYTES) + 2


def monthly(measured: dict, size: str, accounts: int) -> dict[str, float]:
    """Dollars per month, by service, for accounts that are scanned every day."""
    runs = measured["sizes"][size]
    export, check = runs["changed"], measured["check"]
    exports = accounts * DAYS
    check_seconds = max(CHECK_SECONDS_ONE, CHECK_SECONDS_THOUSAND * accounts / 1_000)
    check_dynamodb = {kind: check["once"][kind] + check["per_account"][kind] * accounts for kind in ("read_units", "write_units")}
    invocations = exports + HOURS
    stored = exports * runs["scan_bytes"] + accounts * RETENTION_DAYS * export["s3_put_bytes"]
    template = measured["template"]
    metrics = measured["metrics"]
    # Checks publish in each hour of the month, and exports in the hours in which they run.
    metric_months = metrics["check"] + metrics["export"] * min(exports, HOURS) / HOURS
    logs = exports * export["log_bytes"] + HOURS * (check["once"]["log_bytes"] + accounts * check["per_account"]["log_bytes"])
    return {
        "Lambda": invocations * prices.LAMBDA_REQUEST
        + (exports * export["seconds"] + HOURS * check_seconds) * MEMORY_GB * prices.LAMBDA_GB_SECOND,
        "S3 requests": exports * (export["s3_writes"] + upload_requests(runs["scan_bytes"])) * prices.S3_WRITE_REQUEST
        + exports * export["s3_reads"] * prices.S3_READ_REQUEST,
        "S3 storage": stored / prices.GB * prices.S3_GB_MONTH,
        "DynamoDB": (exports * export["read_units"] + HOURS * check_dynamodb["read_units"]) * prices.DYNAMODB_READ_UNIT
        + (exports * export["write_units"] + HOURS * check_dynamodb["write_units"]) * prices.DYNAMODB_WRITE_UNIT,
        "SQS": (template["polled_queues"] * POLLS_MONTH + exports * SQS_REQUESTS_PER_UPLOAD) * prices.SQS_REQUEST,
        "EventBridge": HOURS * prices.SCHEDULER_INVOCATION
        + exports * (BUCKET_EVENTS_PER_UPLOAD + export["events"]) * prices.EVENTBRIDGE_EVENT,
        "CloudWatch": template["alarms"] * prices.CLOUDWATCH_ALARM_MONTH
        + template["dashboards"] * prices.CLOUDWATCH_DASHBOARD_MONTH
        + metric_months * prices.CLOUDWATCH_METRIC_MONTH
        + logs / prices.GB * prices.CLOUDWATCH_LOGS_GB,
        "KMS": invocations * prices.KMS_REQUEST,
        "Secrets Manager": 0.0,
    }


def integration_metrics(measured: dict) -> float:
    """Dollars per month for the metrics of one integration, unless IntegrationMetrics is false."""
    metrics = measured["metrics"]
    return (metrics["check_per_integration"] + metrics["export_per_integration"] * DAYS / HOURS) * prices.CLOUDWATCH_METRIC_MONTH


def ingestion(events_month: float, regions: int) -> float:
    """Dollars per month for ingestion events of one account, spread evenly over Regions."""
    return regions * max(0.0, events_month / regions - prices.SECURITY_HUB_FREE_EVENTS) * prices.SECURITY_HUB_EVENT


def events(runs: dict) -> dict[str, float]:
    """Ingestion events per month and account, by who sends: the exporter, Prowler with only failed findings, Prowler with all."""
    changed = runs["changed"]["billed"] * DAYS
    return {
        # Each active finding is sent again once in 30 days, so that Security Hub does not delete it.
        "exporter": runs["failed"] + changed,
        "Prowler, `--send-sh-only-fails`": runs["failed"] * DAYS + changed / 2,
        "Prowler, all results": runs["results"] * DAYS + changed / 2,
    }


def render(measured: dict) -> str:
    """The tables of docs/cost.md."""
    parts = [_requests_table(measured)]
    parts += [_month_table(measured, size) for size in measured["sizes"]]
    return "\n\n".join(parts)


def _requests_table(measured: dict) -> str:
    columns = ["requests of one export", "S3 writes", "S3 reads", "S3 free", "DynamoDB", "read units", "write units", "billable requests",
               "Security Hub calls", "ingestion events"]  # fmt: skip
    rows = [f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns)]
    for size, runs in measured["sizes"].items():
        for name, title in (("first", "first scan"), ("unchanged", "nothing changed"), ("changed", "1 % resolved, 1 % new")):
            used = runs[name]
            cells = [f"{size}, {title}", *(f"{used[kind]:g}" for kind in COUNTED), f"**{billable(used)}**",
                     f"{sum(used['security_hub'].values()):,}", f"{used['billed']:,}"]  # fmt: skip
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _month_table(measured: dict, size: str) -> str:
    runs = measured["sizes"][size]
    columns = [monthly(measured, size, accounts) for accounts in ACCOUNTS]
    title = f"{size}: {runs['results']:,} results, {runs['failed']:,} failed, {runs['regions']} Regions"
    rows = [f"| {title} | " + " | ".join(f"{accounts:,} account{'s' * (accounts > 1)}" for accounts in ACCOUNTS) + " |",
            "| --- |" + " --- |" * len(ACCOUNTS)]  # fmt: skip
    rows += [_row(service, [column[service] for column in columns]) for service in columns[0]]
    totals = [sum(column.values()) for column in columns]
    rows.append(_row("**total without ingestion**", totals))
    own = integration_metrics(measured)
    rows.append(_row("with metrics for each account's integration", [total + own * accounts for total, accounts in zip(totals, ACCOUNTS)]))
    for sender, count in events(runs).items():
        dollars = ingestion(count, runs["regions"])
        rows.append(_row(f"ingestion, {sender} ({count:,.0f} events per account)", [dollars * accounts for accounts in ACCOUNTS]))
    return "\n".join(rows)


def _row(name: str, dollars: list[float]) -> str:
    amounts = ["< $0.01" if 0 < value < 0.005 else f"${value:,.2f}" for value in dollars]
    return f"| {name} | " + " | ".join(amounts) + " |"


def page(text: str, tables: str) -> str:
    """The page with its tables replaced."""
    before, rest = text.split("<!-- make cost -->\n")
    _, after = rest.split("<!-- end -->")
    return f"{before}<!-- make cost -->\n\n{tables}\n\n<!-- end -->{after}"


def main() -> None:
    if sys.argv[1:] == ["measure"]:
        # `kill` ends it as Ctrl-C does: the stack is stopped.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        from cost_requests import measure  # needs the local stack's packages

        MEASURED.write_text(json.dumps(measure(), indent=2) + "\n")
    elif sys.argv[1:] != ["render"]:
        sys.exit(__doc__)
    tables = render(json.loads(Path(MEASURED).read_text()))
    PAGE.write_text(page(PAGE.read_text(), tables))
    print(tables)


if __name__ == "__main__":
    main()
