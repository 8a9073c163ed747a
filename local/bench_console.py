"""Measures the web console with a large organization in memory: time and bytes of each page, and the memory of the process.

    python local/bench_console.py SERVER [--accounts 1000] [--runs 10000] [--tries 40]     SERVER is a release build of serve-console

Run by `make bench-console`. A page over a budget ends with exit code 1. The budgets are for the server alone, without calls to AWS.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import processes

PORT = 4640
PAGES = [
    "/integrations",
    "/integrations/o-a1b2c3d4e5",
    "/accounts",
    "/accounts?sort=account&size=250",
    "/runs",
    "/runs/history",
    "/quarantine",
    "/doctor",
    "/doctor?show=all&regions=all&from=400",
    "/jobs",
    "/audit",
]
# A page at the 99th percentile, in milliseconds; its bytes, compressed; bytes of memory with everything that was read.
TIME_MAX_MS, BYTES_MAX, MEMORY_MAX = 50.0, 60_000, 60 * 1024 * 1024


def memory(process: subprocess.Popen[str]) -> int:
    """The most memory that the process had."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def session(link: str) -> tuple[http.client.HTTPConnection, str]:
    """A connection, and the cookie that the one-time link gives."""
    url = urlsplit(link)
    connection = http.client.HTTPConnection(url.hostname or "", url.port)
    connection.request("GET", f"{url.path}?{url.query}")
    response = connection.getresponse()
    response.read()
    cookie = response.getheader("set-cookie") or sys.exit("the link opens no session")
    return connection, cookie.split(";")[0]


def measure(connection: http.client.HTTPConnection, cookie: str, page: str, tries: int) -> tuple[list[float], int]:
    times, size = [], 0
    for _ in range(tries):
        begun = time.perf_counter()
        connection.request("GET", page, headers={"Cookie": cookie, "Accept-Encoding": "gzip", "Sec-Fetch-Site": "same-origin"})
        response = connection.getresponse()
        size = len(response.read())
        times.append((time.perf_counter() - begun) * 1000)
        if response.status != 200:
            sys.exit(f"{page}: {response.status}")
    return sorted(times), size


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("server", type=Path)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--tries", type=int, default=40)
    options = parser.parse_args()
    port = processes.free_port(None, PORT)
    command = [str(options.server.resolve()), str(port), "--accounts", str(options.accounts), "--runs", str(options.runs)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    over = []
    try:
        link = process.stdout.readline().strip() if process.stdout else ""
        filled = memory(process)
        connection, cookie = session(link or sys.exit("the console does not serve"))
        print(f"{options.accounts} accounts, {options.runs} runs, each page {options.tries} times")
        print(f"{'page':<36}{'median':>10}{'p99':>10}{'bytes':>10}")
        for page in PAGES:
            times, size = measure(connection, cookie, page, options.tries)
            worst = times[min(len(times) - 1, int(len(times) * 0.99))]
            print(f"{page:<36}{statistics.median(times):>7.1f} ms{worst:>7.1f} ms{size:>10,}")
            if worst > TIME_MAX_MS:
                over.append(f"{page}: {worst:.1f} ms, more than {TIME_MAX_MS:.0f}")
            if size > BYTES_MAX:
                over.append(f"{page}: {size:,} bytes, more than {BYTES_MAX:,}")
        used = memory(process) - filled
        print(f"memory for the pages: {used / 1e6:.1f} MB, beside {filled / 1e6:.1f} MB of sample data")
        if used > MEMORY_MAX:
            over.append(f"{used / 1e6:.1f} MB, more than {MEMORY_MAX / 1e6:.0f}")
    finally:
        process.terminate()
        process.wait()
    print(*over, sep="\n")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
