"""Counts the requests of exports and of connection checks on a local stack, for local/cost.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cost
import settings
import stack
from generated_scans import REGION_NAMES, write_scan
from settings import ACCOUNT, ROOT, STACK_NAME
from stack import Stack

FOLDER = ROOT / ".local" / "cost"
REGIONS = 4
# Results and failed findings of a scan.
SIZES = {"small": (1_500, 700), "large": (20_000, 4_000)}
# Of the scan with which metrics are counted; their number does not depend on it.
METRICS_SIZE = (300, 100)
CHANGED_SHARE = 0.01
# An export on a busy machine must not outlast the visibility timeout of the local stack: the second delivery would be counted, too.
QUEUE_PARAMETERS = {"QueueVisibilityTimeoutSeconds": "360"}
# A second account, whose check shows what one more account adds.
MEMBER = "210987654321"
EXTERNAL_ID = "a-secret-id"
LOG_EVENT_BYTES = 26  # which CloudWatch Logs adds to each event
RUN_SECONDS_MAX = 300
IDLE_SECONDS = 3


def measure() -> dict:
    """Starts a stack for each size, exports three scans, and checks the connections of one account and of two."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    sizes, checks = {}, {}
    for size, (results, failed) in SIZES.items():
        with _stack() as measuring:
            sizes[size] = _exports(measuring, results, failed)
            checks = checks or _checks(measuring)
    # These metrics are off by default, and an export reads one more item for them.
    with _stack({"IntegrationMetrics": "true"}) as measuring:
        exported = _exports(measuring, *METRICS_SIZE)["changed"]
        metrics = _checks(measuring)["metrics"]
    return {
        "sizes": sizes,
        "check": checks["requests"],
        "metrics": metrics | {
            "export": exported["metrics"] - exported["metrics_of_integrations"],
            "export_per_integration": exported["metrics_of_integrations"],
        },
        "template": cost.template_counts(),
    }


@contextmanager
def _stack(parameters: dict[str, str] | None = None) -> Iterator[Measuring]:
    """A stack with the integration of one account."""
    config = _config(parameters or {})
    up = stack.up(config)
    try:
        _hubctl(up, "integration", "create", "--provider", ACCOUNT, "--archive-previous-findings", "--archive-limit-percent", "100")
        yield Measuring(up)
    finally:
        stack.down(config)


def _config(parameters: dict[str, str]) -> settings.Settings:
    """Settings of a stack of its own, with four Regions and a second account."""
    regions = {name: {} for name in REGION_NAMES[:REGIONS]} | {settings.REGION: {"hub": False}}
    role = {"name": "SecurityHubExporter", "trusts": [ACCOUNT], "external_id": EXTERNAL_ID}
    world = {"accounts": [
        {"id": ACCOUNT, "access_keys": [{"id": ACCOUNT}], "regions": regions},
        {"id": MEMBER, "roles": [role], "regions": regions},
    ]}  # fmt: skip
    file = FOLDER / "simulator.json"
    file.write_text(json.dumps(world))
    config = settings.read()
    parameters = config.parameters | QUEUE_PARAMETERS | parameters
    return replace(config, directory=FOLDER, simulator_config=file, parameters=parameters, request_log=FOLDER / "requests.jsonl", package=None)


class Measuring:
    """What the functions of a stack have used since the last look."""

    def __init__(self, up: Stack) -> None:
        self.up = up
        self.log = FOLDER / "requests.jsonl"
        self.simulator = next(server.url for server in up.servers if server.name == "simulator")
        self.seen = 0
        self.billed = 0

    def start(self) -> None:
        """Resets the counters."""
        self.seen = len(self._lines())
        self.billed = self._simulator("summary")[1]
        request = urllib.request.Request(f"{self.simulator}/_simulator/calls", method="DELETE")
        urllib.request.urlopen(request).close()
        self.since = int(time.time() * 1000)

    def used(self, function: str) -> dict:
        """What the functions have used since the start, when they have been idle for some seconds."""
        self._wait()
        requests = [line for line in self._lines()[self.seen :] if line["key"].startswith("ASIA")]
        calls, billed = self._simulator("summary")
        log = self._log_events(function)
        metrics = _metrics(log)
        return cost.usage(requests) | {
            "security_hub": calls,
            "billed": billed - self.billed,
            "events": sum(line["service"] == "events" for line in requests),
            "seconds": _seconds(log),
            "log_bytes": sum(len(message.encode()) + LOG_EVENT_BYTES for message in log),
            "metrics": len(metrics),
            "metrics_of_integrations": sum("Integration" in dict(dimensions) for dimensions, _ in metrics),
        }

    def _wait(self) -> None:
        count, since = len(self._lines()), time.monotonic()
        while time.monotonic() < since + IDLE_SECONDS:
            time.sleep(0.2)
            if len(self._lines()) != count:
                count, since = len(self._lines()), time.monotonic()

    def _lines(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def _simulator(self, path: str) -> tuple[dict[str, int], int]:
        with urllib.request.urlopen(f"{self.simulator}/_simulator/{path}") as response:
            regions = json.load(response)
        calls: Counter[str] = Counter()
        for region in regions:
            calls.update(region["calls"])
        return dict(calls), sum(region["billed_events"] for region in regions)

    def _log_events(self, function: str) -> list[str]:
        pages = self.up.client("logs").get_paginator("filter_log_events")
        group = f"/aws/lambda/{STACK_NAME}-{function}"
        return [event["message"] for page in pages.paginate(logGroupName=group, startTime=self.since) for event in page["events"]]


def _metrics(log: list[str]) -> set[tuple]:
    """The metrics of log lines in the embedded metric format, by dimensions and name."""
    found = set()
    for line in log:
        if '"CloudWatchMetrics"' not in line:
            continue
        entry = json.loads(line)
        for directive in entry["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                dimensions = tuple((name, entry[name]) for name in names)
                found |= {(dimensions, metric["Name"]) for metric in directive["Metrics"]}
    return found


def _seconds(log: list[str]) -> float:
    """The durations that Lambda reports."""
    return sum(float(line.split("Duration: ")[1].split(" ms")[0]) / 1000 for line in log if line.startswith("REPORT"))


def _exports(measuring: Measuring, results: int, failed: int) -> dict:
    now = int(time.time())
    changed = int(failed * CHANGED_SHARE)
    whole = range(results)
    # A finding whose number is in the range passes. The changed scan moves the range: some findings are resolved, as many are new.
    scans = {"first": (now - 7200, range(failed, results)), "unchanged": (now - 3600, range(failed, results)),
             "changed": (now - 1800, [*range(changed), *range(failed + changed, results)])}  # fmt: skip
    measured = {"results": results, "failed": failed, "regions": REGIONS}
    for name, (at, passed) in scans.items():
        scan = FOLDER / f"{name}.ocsf.json"
        write_scan(scan, whole, at, REGIONS, set(passed))
        measured["scan_bytes"] = scan.stat().st_size
        measuring.start()
        report = _upload(measuring.up, scan)
        scan.unlink()
        measured[name] = measuring.used("export-findings") | {"sent": report["counts"]["sent"], "archived": report["counts"]["archived"]}
    return measured


def _upload(up: Stack, scan: Path) -> dict:
    """Uploads a scan and waits for its report."""
    s3, state = up.client("s3"), up.outputs["StateBucketName"]
    before = _reports(s3, state)
    s3.upload_file(str(scan), up.outputs["ScanBucketName"], f"output/json-ocsf/{scan.name}")
    deadline = time.monotonic() + RUN_SECONDS_MAX
    while time.monotonic() < deadline:
        for key in _reports(s3, state) - before:
            report = json.load(s3.get_object(Bucket=state, Key=key)["Body"])
            if report["status"] == "succeeded":
                return report
            if report["status"] != "running":
                sys.exit(json.dumps(report, indent=2))
        time.sleep(0.5)
    sys.exit(f"no report within {RUN_SECONDS_MAX} s")


def _reports(s3, bucket: str) -> set[str]:
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="runs/").get("Contents", [])
    return {item["Key"] for item in listed if item["Key"].endswith("/report.json")}


def _checks(measuring: Measuring) -> dict:
    """Checks one account and then two; the difference is what an account adds."""
    one = _check(measuring)
    _hubctl(measuring.up, "integration", "create", "--provider", MEMBER, "--role-name", "SecurityHubExporter", "--external-id", EXTERNAL_ID)
    two = _check(measuring)
    names = ("read_units", "write_units", "log_bytes")
    added = {name: max(0, two[name] - one[name]) for name in names}
    return {
        "requests": {"per_account": added, "once": {name: max(0, one[name] - added[name]) for name in names}},
        "metrics": {
            "check": one["metrics"] - one["metrics_of_integrations"],
            "check_per_integration": two["metrics_of_integrations"] - one["metrics_of_integrations"],
        },
    }


def _check(measuring: Measuring) -> dict:
    functions, name = measuring.up.client("lambda"), measuring.up.outputs["CheckFunctionName"]
    # The first check after a change publishes events; the one that is measured finds what the one before it found.
    functions.invoke(FunctionName=name, Payload=b"{}")
    measuring.start()
    functions.invoke(FunctionName=name, Payload=b"{}")
    return measuring.used("check-connections")


def _hubctl(up: Stack, *arguments: str) -> None:
    command = [str(stack.program("hubctl")), *arguments, "--stack", STACK_NAME]
    done = subprocess.run(command, env=os.environ | up.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout.decode()}")
