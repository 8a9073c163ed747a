"""Measures exports of a large scan against the simulator, with AWS's limits and 80 ms a call.

Run by `make bench`. A scan is made up from a genuine finding, exported, exported again, and exported with a tenth of its findings
gone. Each row is a run of `hubctl export --standalone`: wall time, processor time and peak memory of that process.

    FINDINGS=100000 REGIONS=16 make bench
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import settings
from settings import RELEASE_PROGRAMS, ROOT

FINDINGS = int(os.environ.get("FINDINGS", "100000"))
REGIONS = int(os.environ.get("REGIONS", "16"))
LATENCY_MS = int(os.environ.get("LATENCY_MS", "80"))
ACCOUNT = settings.ACCOUNT
TEMPLATE = ROOT / "tests" / "scans" / "5.46.0-one-finding.ocsf.json"
NAMES = [
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1",
    "eu-north-1", "ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2", "sa-east-1",
    "ca-central-1",
]
# A genuine OCSF finding has 7 to 8 KB; the sample is filled up to that with text that is not sent.
FINDING_BYTES = 7000


def write_scan(path: Path, numbers: range, at: int) -> None:
    """Writes a scan of one failed finding for each number, spread over the Regions."""
    finding = json.loads(TEMPLATE.read_text())[0]
    region = finding["cloud"]["region"]
    finding["status_code"] = "FAIL"
    finding["status_id"] = 1
    finding["finding_info"]["created_time"] = at
    text = json.dumps(finding, indent=4).replace(finding["resources"][0]["uid"], "arn:aws:s3:::bucket-NUMBER")
    text = text.replace(f'"{region}"', '"REGION"')
    filler = "x" * max(0, FINDING_BYTES - len(text))
    text = text.replace('"risk_details": "', f'"risk_details": "{filler}', 1)
    with path.open("w") as file:
        file.write("[")
        for index, number in enumerate(numbers):
            file.write("," if index else "")
            file.write(text.replace("NUMBER", str(number)).replace("REGION", NAMES[number % REGIONS]))
        file.write("]")


def export(name: str, scan: Path, folder: Path, url: str) -> None:
    """Runs one export and prints its row."""
    environment = os.environ | {
        "AWS_ENDPOINT_URL_SECURITYHUB": url, "AWS_ENDPOINT_URL_STS": url, "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "bench",
    }
    report = folder / "report.json"
    program = _program("hubctl")
    command = [str(program), "export", str(scan), "--standalone", "--archive", "--state", str(folder / "state"),
               "--report", str(report)]
    started = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, errors = process.stderr, process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - started
    if process.returncode:
        sys.exit(errors.decode())
    counts = json.loads(report.read_text())["counts"]
    cpu = usage.ru_utime + usage.ru_stime
    print(f"{name:<28}{seconds:>8.1f} s{cpu:>8.1f} s{usage.ru_maxrss / 1024:>8.0f} MB"
          f"{counts['sent']:>10,}{counts['unchanged']:>11,}{counts['archived']:>10,}", flush=True)


def _program(name: str) -> Path:
    """As cargo-lambda leaves a program."""
    return RELEASE_PROGRAMS / name / "bootstrap"


def main() -> None:
    folder = ROOT / ".local" / "bench"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    world = {
        "accounts": [{"id": ACCOUNT, "regions": {name: {} for name in NAMES[:REGIONS]}}],
        "default_account": ACCOUNT, "latency_ms": LATENCY_MS,
    }
    config = folder / "simulator.json"
    config.write_text(json.dumps(world))
    now = int(time.time())
    print(f"{FINDINGS:,} findings over {REGIONS} Regions, {LATENCY_MS} ms a call, the service's own limits", flush=True)
    first, less = folder / "first.ocsf.json", folder / "less.ocsf.json"
    write_scan(first, range(FINDINGS), now - 7200)
    write_scan(less, range(FINDINGS // 10, FINDINGS), now - 3600)
    print(f"the scan has {first.stat().st_size / 1e6:,.0f} MB\n", flush=True)
    simulator = subprocess.Popen([str(_program("simulator")), "--listen", address, "--config", str(config)],
                                 stdout=subprocess.DEVNULL)
    try:
        url = f"http://{address}"
        for _ in range(100):
            try:
                urllib.request.urlopen(f"{url}/_simulator/health")
                break
            except OSError:
                time.sleep(0.1)
        print(f"{'':<28}{'wall':>10}{'cpu':>10}{'memory':>11}{'sent':>10}{'unchanged':>11}{'archived':>10}")
        export("the first export", first, folder, url)
        export("the same scan again", first, folder, url)
        export("a tenth is gone", less, folder, url)
    finally:
        simulator.terminate()
        simulator.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
