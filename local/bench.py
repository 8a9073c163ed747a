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
from generated_scans import REGION_NAMES, write_scan
from settings import RELEASE_PROGRAMS, ROOT

FINDINGS = int(os.environ.get("FINDINGS", "100000"))
REGIONS = int(os.environ.get("REGIONS", "16"))
LATENCY_MS = int(os.environ.get("LATENCY_MS", "80"))
ACCOUNT = settings.ACCOUNT


def export(name: str, scan: Path, folder: Path, url: str) -> None:
    """Runs one export and prints its row."""
    environment = os.environ | {
        "AWS_ENDPOINT_URL_SECURITYHUB": url, "AWS_ENDPOINT_URL_STS": url, "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "bench",
    }
    report = folder / "report.json"
    command = [str(_program("hubctl")), "export", str(scan), "--standalone", "--archive", "--state", str(folder / "state"),
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
        "accounts": [{"id": ACCOUNT, "regions": {name: {} for name in REGION_NAMES[:REGIONS]}}],
        "default_account": ACCOUNT, "latency_ms": LATENCY_MS,
    }
    config = folder / "simulator.json"
    config.write_text(json.dumps(world))
    now = int(time.time())
    print(f"{FINDINGS:,} findings over {REGIONS} Regions, {LATENCY_MS} ms a call, the service's own limits", flush=True)
    first, less = folder / "first.ocsf.json", folder / "less.ocsf.json"
    write_scan(first, range(FINDINGS), now - 7200, REGIONS)
    write_scan(less, range(FINDINGS // 10, FINDINGS), now - 3600, REGIONS)
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
