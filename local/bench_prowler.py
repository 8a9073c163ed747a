"""Measures Prowler's own Security Hub sender and this exporter on the same scans, against the same simulator.

Run by `make bench-prowler`. Each tool starts with an empty Security Hub and sends three scans: a first one, one with the same findings a day
later, and one in which a tenth of the findings are resolved: half of these pass, the resources of the others no longer exist. After each scan the
findings in Security Hub are compared with the scan. Prints a table in Markdown.

    FINDINGS=2000 REGIONS="1 16" LIMITS="quota throttled" RETRIES=10 make bench-prowler
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import hub_truth
from generated_scans import REGION_NAMES, write_scan
from settings import ACCOUNT, RELEASE_PROGRAMS, ROOT

FINDINGS = int(os.environ.get("FINDINGS") or "1000")
REGIONS = [int(count) for count in (os.environ.get("REGIONS") or "1 16").split()]
LIMITS = (os.environ.get("LIMITS") or "quota throttled").split()
# A value of --aws-retries-max-attempts, with which Prowler is measured in addition if calls are throttled; 0: only with its default.
RETRIES = int(os.environ.get("RETRIES") or "0")
LATENCY_MS = int(os.environ.get("LATENCY_MS") or "80")
PROWLER_PYTHON = ROOT / ".venv-prowler" / "bin" / "python"
FOLDER = ROOT / ".local" / "bench-prowler"

# The service's quotas are the simulator's defaults. `throttled`: other callers use up the quota, and half of the calls are rejected, at random.
THROTTLED = {
    "effect": {"kind": "error", "status": 429, "error_type": "TooManyRequestsException", "message": "Too Many Requests"},
    "ratio": 0.5,
}
FAULTS = {
    "quota": [],
    "throttled": [THROTTLED | {"operation": operation} for operation in ("BatchImportFindings", "GetFindings")],
}
# A deployment retries an upload that reports undelivered findings, MaxReceiveCount times (template.yaml).
RUNS_MAX = 5
# Prowler reads only the first page of the accepted products. The real service returns more than the simulator's five per page.
PRODUCTS_PAGE_SIZE = 100


@dataclass(frozen=True)
class Scan:
    """A scan in a file for each tool, and the Ids of the findings that should be active after it was sent."""

    name: str
    ocsf: Path
    lines: Path
    expected: set[str]


@dataclass(frozen=True)
class Sent:
    """Resources that a tool used for one scan, and its report."""

    seconds: float
    cpu_seconds: float
    memory_mb: float
    # Of the memory, what the process had before it began to send; 0 if it began with nothing.
    memory_before_mb: float = 0
    runs: int = 1
    # Which Prowler logged, and does not show by default.
    errors: int = 0


Tool = Callable[[Scan, str], Sent]


def write_scans(regions: int) -> list[Scan]:
    """Generates the three scans."""
    now = int(time.time())
    tenth = FINDINGS // 10
    gone, passed = range(tenth // 2), range(tenth // 2, tenth)
    whole = range(FINDINGS)
    plans = [("first scan", whole, now - 3 * 7200, range(0)), ("same findings", whole, now - 2 * 7200, range(0)),
             ("a tenth resolved", range(gone.stop, FINDINGS), now - 7200, passed)]  # fmt: skip
    scans = []
    for number, (name, numbers, at, passes) in enumerate(plans):
        ocsf, lines = FOLDER / f"{number}.ocsf.json", FOLDER / f"{number}.jsonl"
        write_scan(ocsf, numbers, at, regions, passes)
        entries = json.loads(ocsf.read_text())
        with lines.open("w") as file:
            file.writelines(json.dumps(entry) + "\n" for entry in entries)
        scans.append(Scan(name, ocsf, lines, hub_truth.failed(entries)))
    return scans


def exporter(scan: Scan, url: str) -> Sent:
    """Runs `hubctl export --standalone` until it succeeds; the whole process is measured, with reading the scan."""
    report = FOLDER / "report.json"
    runs = []
    while not runs or (runs[-1]["code"] and len(runs) < RUNS_MAX):
        report.unlink(missing_ok=True)
        runs.append(_measured(url, _program("hubctl"), "export", scan.ocsf, "--standalone", "--archive",
                              "--state", FOLDER / "state", "--report", report))  # fmt: skip
        if not report.exists():
            sys.exit((FOLDER / "output.log").read_text())
    total = Counter()
    for used in runs:
        total.update({name: used[name] for name in ("seconds", "cpu_seconds")})
    return Sent(total["seconds"], total["cpu_seconds"], max(used["memory_mb"] for used in runs), runs=len(runs))


def prowler(retries: int | None = None) -> Tool:
    """Prowler's sender, with a value of --aws-retries-max-attempts or with its default."""

    def run(scan: Scan, url: str) -> Sent:
        result = FOLDER / "prowler.json"
        options = [] if retries is None else [retries]
        used = _measured(url, PROWLER_PYTHON, ROOT / "local" / "prowler_sender.py", scan.lines, result, *options)
        if used["code"]:
            sys.exit((FOLDER / "output.log").read_text())
        sender = json.loads(result.read_text())
        for message in sender["errors"][:1]:
            print(f"{len(sender['errors'])} errors logged by Prowler, the first: {message}", file=sys.stderr)
        return Sent(sender["seconds"], sender["cpu_seconds"], used["memory_mb"], sender["memory_before_mb"],
                    errors=len(sender["errors"]))  # fmt: skip

    return run


def _program(name: str) -> Path:
    """A program of our own, as cargo-lambda leaves it."""
    return RELEASE_PROGRAMS / name / "bootstrap"


def _measured(url: str, *command) -> dict[str, float]:
    """What a command used. Its output is in output.log."""
    with (FOLDER / "output.log").open("w") as log:
        done = subprocess.run(
            [sys.executable, ROOT / "local" / "measured.py", *(str(part) for part in command)],
            env=_environment(url), stdout=subprocess.PIPE, stderr=log, check=True,
        )  # fmt: skip
    return json.loads(done.stdout)


def _environment(url: str) -> dict[str, str]:
    return os.environ | {
        "AWS_ENDPOINT_URL_SECURITYHUB": url, "AWS_ENDPOINT_URL_STS": url, "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "bench",
    }  # fmt: skip


class Simulator:
    """The control API of a simulator."""

    def __init__(self, url: str) -> None:
        self.url = url

    def reset(self, regions: int, faults: list[dict]) -> None:
        """Empties Security Hub, and sets its Regions and faults."""
        self._request("PUT", "config", {
            "accounts": [{"id": ACCOUNT, "regions": {name: {} for name in REGION_NAMES[:regions]}}],
            "default_account": ACCOUNT, "latency_ms": LATENCY_MS, "faults": faults,
            "rules": {"products_page_size": PRODUCTS_PAGE_SIZE},
        })  # fmt: skip

    def usage(self) -> Counter[str]:
        """Calls by operation since the last `forget_calls`, and `billed`: ingestion events since the reset."""
        used: Counter[str] = Counter()
        for region in self._request("GET", "summary"):
            used.update(region["calls"])
            used["throttled"] += region["errors"].get("TooManyRequestsException", 0)
            used["billed"] += region["billed_events"]
        return used

    def forget_calls(self) -> None:
        """Empties the call log."""
        self._request("DELETE", "calls")

    def findings(self, regions: int) -> Iterator[dict]:
        """The findings of all Regions."""
        for name in REGION_NAMES[:regions]:
            yield from self._request("GET", f"findings?account={ACCOUNT}&region={name}")

    def _request(self, method: str, path: str, body: dict | None = None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_simulator/{path}", data, method=method)
        with urllib.request.urlopen(request) as response:
            text = response.read()
        return json.loads(text) if text else None


@contextmanager
def simulator() -> Iterator[Simulator]:
    """A running simulator."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    process = subprocess.Popen([_program("simulator"), "--listen", address], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()  # printed when it listens
        yield Simulator(f"http://{address}")
    finally:
        process.terminate()
        process.wait()


def measure(name: str, tool: Tool, scans: list[Scan], regions: int, mode: str, hub: Simulator) -> None:
    """Sends all scans with one tool and prints a row for each."""
    hub.reset(regions, FAULTS[mode])
    shutil.rmtree(FOLDER / "state", ignore_errors=True)
    billed_before = 0
    for scan in scans:
        hub.forget_calls()
        sent = tool(scan, hub.url)
        used = hub.usage()
        difference = hub_truth.compare(scan.expected, hub.findings(regions))
        billed, throttled = used.pop("billed"), used.pop("throttled")
        memory = f"{sent.memory_mb:,.0f} MB" + (f" ({sent.memory_before_mb:,.0f} before)" if sent.memory_before_mb else "")
        print(f"| {regions} | {mode} | {scan.name} | {name} | {sent.seconds:.1f} s | {sent.cpu_seconds:.1f} s | {memory} "
              f"| {used['BatchImportFindings']:,} + {used['GetFindings']:,} + "
              f"{used.total() - used['BatchImportFindings'] - used['GetFindings']:,} | {throttled:,} "
              f"| {billed - billed_before:,} | {difference} | {sent.runs} | {sent.errors} |", flush=True)  # fmt: skip
        billed_before = billed


def main() -> None:
    # `kill` ends it as Ctrl-C does: the simulator is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    tools = {"Prowler": prowler(), "exporter": exporter}
    print(f"{FINDINGS:,} findings, {LATENCY_MS} ms per call; calls: imports + GetFindings + others\n")
    print("| Regions | limits | scan | tool | wall | CPU | memory | calls | throttled | billed | Security Hub | runs | errors |")
    print("|" + " --- |" * 13, flush=True)
    try:
        with simulator() as hub:
            for regions in REGIONS:
                scans = write_scans(regions)
                for mode in LIMITS:
                    more = {f"Prowler, {RETRIES} retries": prowler(RETRIES)} if RETRIES and mode == "throttled" else {}
                    for name, tool in (tools | more).items():
                        measure(name, tool, scans, regions, mode, hub)
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)


if __name__ == "__main__":
    main()
