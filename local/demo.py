"""Shows the product at work: a sample scan is uploaded and arrives in every Region of a simulated Security Hub.

Run by `make demo`. Everything between is the real thing on a local AWS: template.yaml deployed by SAM, the upload's event
through EventBridge and the queue, the compiled function. With KEEP=1 the stack is left up. Exits with 1 where a run does
not succeed or Security Hub does not hold what the run says it sent.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import processes
import settings
import stack
from settings import ACCOUNT, REGION, ROOT, STACK_NAME
from stack import Stack

SCANS = ROOT / "tests" / "scans"
FIRST_SCAN = SCANS / "5.46.0-scan-1.ocsf.json.gz"
SECOND_SCAN = SCANS / "5.46.0-scan-2-after-fixes.ocsf.json.gz"

RUN_SECONDS_MAX = 120
POLL_SECONDS = 0.3
SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL")


@dataclass
class Demo:
    """The demonstration on a stack that is up."""

    stack: Stack
    started: float
    seen_runs: set[str] = field(default_factory=set)
    # The command line; that of `make build`, unless another is given.
    program: Path | None = None

    def say(self, text: str) -> None:
        _say(self.started, text)

    def hubctl(self, *arguments: str) -> None:
        """Runs hubctl before the reader's eyes; exits where it fails."""
        command = [*arguments, "--stack", STACK_NAME]
        print(f"$ hubctl {' '.join(command)}", flush=True)
        environment = os.environ | self.stack.environment()
        environment.pop("AWS_PROFILE", None)
        done = subprocess.run([str(self.program or stack.program("hubctl")), *command], env=environment)
        if done.returncode:
            sys.exit(f"hubctl ended with {done.returncode}")

    def export(self, scan) -> dict:
        """Uploads a scan and waits for the report of the run that this causes."""
        bucket = self.stack.outputs["ScanBucketName"]
        self.say(f"uploading {scan.relative_to(ROOT)} to s3://{bucket}")
        self.stack.client("s3").upload_file(str(scan), bucket, f"output/json-ocsf/{scan.name}")
        self.say("waiting for the function, which the upload's event starts")
        deadline = time.monotonic() + RUN_SECONDS_MAX
        while time.monotonic() < deadline:
            for report in self._new_reports():
                self.say(f"run {report['run_id']}: {report['status']}")
                if report["status"] != "succeeded":
                    sys.exit(f"{json.dumps(report, indent=2)}\n{self._function_log()}")
                return report
            time.sleep(POLL_SECONDS)
        sys.exit(f"no run ended within {RUN_SECONDS_MAX} s\n{self._function_log()}")

    def show(self) -> int:
        """Prints the findings in Security Hub by Region and severity, and returns their number."""
        simulator = next(server for server in self.stack.servers if server.name == "simulator")
        with urllib.request.urlopen(f"{simulator.url}/_simulator/summary") as response:
            regions = json.load(response)
        rows = []
        for region in regions:
            active = [region["by_severity"].get(name, 0) for name in SEVERITIES]
            rows.append((region["region"], *active, sum(active), region["by_record_state"].get("ARCHIVED", 0)))
        print(f"\nSecurity Hub of account {ACCOUNT} now holds these active findings, and archived ones:\n")
        print(_line("Region", *SEVERITIES[:-1], "INFO", "all", "archived"))
        for row in sorted(rows):
            print(_line(*row))
        sums = [sum(column) for column in list(zip(*rows))[1:]]
        print(_line("all", *sums), end="\n\n")
        return sums[-2]

    def _new_reports(self) -> list[dict]:
        s3, bucket = self.stack.client("s3"), self.stack.outputs["StateBucketName"]
        listed = s3.list_objects_v2(Bucket=bucket, Prefix="runs/").get("Contents", [])
        keys = {item["Key"] for item in listed if item["Key"].endswith("/report.json")} - self.seen_runs
        reports = [json.load(s3.get_object(Bucket=bucket, Key=key)["Body"]) for key in sorted(keys)]
        ended = [report for report in reports if report["status"] != "running"]
        self.seen_runs |= {f"runs/{report['run_id']}/report.json" for report in ended}
        return ended

    def _function_log(self) -> str:
        log = next(server.log for server in self.stack.servers if server.name == "ministack")
        return f"the end of {log}, where the function's log is:\n{processes.tail(log)}"


def _regions(report: dict) -> list[dict]:
    return [region for account in report["accounts"].values() for region in account["regions"].values()]


def run(demo: Demo) -> None:
    demo.say("creating the integration of the account: failed findings are sent, resolved ones archived")
    demo.hubctl(
        "integration", "create", "--provider", ACCOUNT, "--alias", "demo", "--scan-schedule", "rate(1 day)",
        "--archive-previous-findings",
    )  # fmt: skip
    demo.say("sending one sample finding, to see that findings arrive; it is archived at once")
    demo.hubctl("integration", "send-sample", ACCOUNT, "--hub-region", REGION)

    first = demo.export(FIRST_SCAN)
    held = demo.show()
    if held != first["counts"]["sent"]:
        sys.exit(f"the run says that it sent {first['counts']['sent']} findings; Security Hub holds {held}")
    demo.hubctl("run", "show", first["run_id"])

    demo.say("the account was fixed meanwhile; its next scan follows")
    second = demo.export(SECOND_SCAN)
    held = demo.show()
    counts = second["counts"]
    expected = first["counts"]["sent"] + sum(region["changes"]["new"] for region in _regions(second)) - counts["archived"]
    if held != expected:
        sys.exit(f"Security Hub should hold {expected} active findings, and holds {held}")
    print(f"{counts['sent']} were sent, since they are new or changed; {counts['unchanged']} are there as they were and cost "
          f"nothing; {counts['archived']} are resolved and archived.\n")
    demo.hubctl("run", "show", second["run_id"])

    demo.say("the integration as operators see it, a change to it, and the trail of changes")
    demo.hubctl("integration", "configure", ACCOUNT, "--archive-limit-percent", "30")
    demo.hubctl("integration", "list")
    demo.hubctl("audit")


def look_further(up: Stack, keep: bool) -> None:
    if not keep:
        print("\nTo look around yourself, leave everything up:  make demo KEEP=1\n")
        return
    folder = up.directory.relative_to(ROOT)
    print(f"""
It is all still up. In a shell here:

    . {folder}/env.sh  # AWS's tools and hubctl now speak to it
    export PATH=$PWD/.venv/bin:$PWD/.local/bin:$PATH
    hubctl run list --stack {STACK_NAME}
    hubctl integration list --stack {STACK_NAME}
    hubctl console --stack {STACK_NAME}    # the same in the browser, by a link that is valid once
    curl -s $AWS_ENDPOINT_URL_SECURITYHUB/_simulator/summary
    less {folder}/logs/ministack.log  # the function's log is in it
    make invoke EVENT=events/sqs-eventbridge.json  # the function alone

Stop it with `make stack-down`.
""")


def _say(started: float, text: str) -> None:
    line = f"[{time.monotonic() - started:4.0f} s] {text}"
    print(f"\033[1m{line}\033[0m" if sys.stdout.isatty() else line, flush=True)


def _line(first: str, *cells) -> str:
    return f"  {first:<16}" + "".join(f"{cell:>10}" for cell in cells)


def main() -> None:
    started = time.monotonic()
    config = settings.read()
    keep = bool(os.environ.get("KEEP"))
    # `kill` ends it as Ctrl-C does: all started processes are stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    finished = False
    try:
        up = stack.up(config, lambda text: _say(started, text))
        run(Demo(up, started))
        look_further(up, keep)
        finished = True
    except KeyboardInterrupt:
        print("\ninterrupted; stopping what was started", flush=True)
        sys.exit(stack.INTERRUPTED)
    finally:
        if not (finished and keep):
            stack.down(config)


if __name__ == "__main__":
    main()
