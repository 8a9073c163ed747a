"""Shows the product at work: a sample scan is uploaded and arrives in every Region of a simulated Security Hub.

Run by `make demo`. Everything between is the real thing on a local AWS: template.yaml deployed by SAM, the upload's event
through EventBridge and the queue, the compiled function. With KEEP=1 the stack is left up. Exits with 1 where a run does
not succeed or Security Hub does not hold what the run says it sent. With KEEP=1, a third scan leaves something to decide: an
archive that requires approval, and findings in quarantine.
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

import generated_scans
import processes
import settings
import stack
from settings import ACCOUNT, REGION, ROOT, STACK_NAME
from stack import Stack

SCANS = ROOT / "tests" / "scans"
FIRST_SCAN = SCANS / "5.46.0-scan-1.ocsf.json.gz"
SECOND_SCAN = SCANS / "5.46.0-scan-2-after-fixes.ocsf.json.gz"

# Findings of the third scan that can't be sent.
QUARANTINED = 4
# An account that the simulator does not have.
OTHER_ACCOUNT = "210987654321"
# What hubctl ends with if findings of a run were not sent, and if an integration is not connected.
NOT_SENT = 3
NOT_CONNECTED = 4

# What a reader does next.
NEXT = "For a real account: deploy the template (README.md, Deploy), and create its integration (README.md, First integration)."
# The console stops by itself if it is not used for so long; until then it is stopped with the stack.
CONSOLE_IDLE = "168h"

RUN_SECONDS_MAX = 120
LINK_SECONDS_MAX = 30
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

    def hubctl(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> None:
        """Runs hubctl before the reader's eyes; exits where it fails."""
        command = [*arguments, "--stack", STACK_NAME]
        print(f"$ hubctl {' '.join(command)}", flush=True)
        environment = os.environ | self.stack.environment()
        environment.pop("AWS_PROFILE", None)
        done = subprocess.run([str(self.program or stack.program("hubctl")), *command], env=environment)
        if done.returncode not in codes:
            sys.exit(f"hubctl ended with {done.returncode}")

    def export(self, scan: Path, status: str = "succeeded") -> dict:
        """Uploads a scan and waits for the report of the run that this causes."""
        bucket = self.stack.outputs["ScanBucketName"]
        self.say(f"uploading {os.path.relpath(scan, ROOT)} to s3://{bucket}")
        self.stack.client("s3").upload_file(str(scan), bucket, f"output/json-ocsf/{scan.name}")
        self.say("waiting for the function, which the upload's event starts")
        deadline = time.monotonic() + RUN_SECONDS_MAX
        while time.monotonic() < deadline:
            for report in self._new_reports():
                self.say(f"run {report['run_id']}: {report['status']}")
                if report["status"] != status:
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


def _third_scan(findings: list[dict]) -> None:
    """More findings pass than may be archived without approval, and a few are not of this partition."""
    failed = [finding for finding in findings if finding["status_code"] == "FAIL"]
    for finding in failed[: len(failed) * 2 // 3]:
        finding["status_code"], finding["status_id"] = "PASS", 3
    for finding in failed[-QUARANTINED:]:
        for resource in finding["resources"]:
            resource["cloud_partition"] = "aws-cn"


def leave_decisions(demo: Demo) -> None:
    """An archive that requires approval, findings in quarantine, and an integration that is not connected."""
    demo.say("a third scan, of which two thirds are resolved at once, so that archiving requires approval")
    scan = demo.stack.directory / "third-scan.ocsf.json.gz"
    generated_scans.write_later_scan(SECOND_SCAN, scan, int(time.time()) - 60, _third_scan)
    third = demo.export(scan, "degraded")
    pending = [account for account in third["accounts"].values() if "archive_requires_approval" in json.dumps(account)]
    quarantined = sum(third["counts"]["quarantined"].values())
    if not pending or quarantined != QUARANTINED:
        sys.exit(f"the third scan should leave an archive to approve and {QUARANTINED} findings in quarantine:\n"
                 f"{json.dumps(third, indent=2)}")
    demo.hubctl("run", "show", third["run_id"], codes=(NOT_SENT,))
    demo.say("a second integration, whose account can't be accessed")
    demo.hubctl(
        "integration", "create", "--provider", OTHER_ACCOUNT, "--alias", "unreachable",
        "--role-arn", f"arn:aws:iam::{OTHER_ACCOUNT}:role/SecurityHubExporter",
    )  # fmt: skip
    demo.hubctl("integration", "test", OTHER_ACCOUNT, codes=(NOT_CONNECTED,))


def serve_console(config: settings.Settings, up: Stack) -> str:
    """Serves the web console in the background, as a server of the stack, and returns its one-time link."""
    port = processes.free_port(None, settings.CONSOLE_PORT)
    command = [
        str(stack.program("hubctl")), "console", "--stack", STACK_NAME, "--port", str(port), "--name", "demo", "--no-open",
        "--idle-timeout", CONSOLE_IDLE,
    ]  # fmt: skip
    log = config.logs / "console.log"
    server = processes.start("console", command, processes.inherited() | up.environment(), port, log)
    stack.add(config, up, server)
    deadline = time.monotonic() + LINK_SECONDS_MAX
    while time.monotonic() < deadline:
        link = next((line for line in log.read_text().splitlines() if line.startswith(server.url)), None)
        if link:
            return link
        time.sleep(POLL_SECONDS)
    sys.exit(f"the console printed no link; the end of {log}:\n{processes.tail(log)}")


def look_further(up: Stack, link: str | None) -> None:
    if not link:
        print(f"""
To look around in the web console and in a shell, leave everything up:  make demo KEEP=1
{NEXT}
""")
        return
    folder = up.directory.relative_to(ROOT)
    print(f"""
It is all still up. The web console shows two integrations, three runs, an archive to approve, and a quarantine:

    {link}

The link can be used once, within one minute. For another one:

    (. {folder}/env.sh; .local/bin/hubctl console --stack {STACK_NAME})

In a shell here:

    . {folder}/env.sh  # AWS's tools and hubctl now speak to it
    export PATH=$PWD/.venv/bin:$PWD/.local/bin:$PATH
    hubctl run list --stack {STACK_NAME}
    hubctl integration list --stack {STACK_NAME}
    curl -s $AWS_ENDPOINT_URL_SECURITYHUB/_simulator/summary
    less {folder}/logs/ministack.log  # the function's log is in it
    make invoke EVENT=events/sqs-eventbridge.json  # the function alone

Stop it with `make stack-down`.
{NEXT}
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
        demo = Demo(up, started)
        run(demo)
        if keep:
            leave_decisions(demo)
        look_further(up, serve_console(config, up) if keep else None)
        finished = True
    except KeyboardInterrupt:
        print("\ninterrupted; stopping what was started", flush=True)
        sys.exit(stack.INTERRUPTED)
    finally:
        if not (finished and keep):
            stack.down(config)


if __name__ == "__main__":
    main()
