"""Runs the program of the function that an event is for, alone, under AWS's Runtime Interface Emulator, on one sample event.

    python local/invoke.py events/NAME.json

Run by `make invoke`. It speaks to the stack that is up (`make stack-up`). Where an event names an object of the bucket
`prowler-scans`, that bucket is made and SCAN, a sample scan of tests/scans by default, is put there first. No rule
watches that bucket, so only the emulator's function sees the upload. A request of CloudFormation is answered here: what the
function puts at its ResponseURL is printed.

    python local/invoke.py --check    runs none, and fails where a sample event is not known to be for the function that its
                                      name says
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import resources
from pathlib import Path
from threading import Thread

import processes
import settings
import stack
from settings import REGION, ROOT

BUCKET = "prowler-scans"
SCAN = str(ROOT / "tests" / "scans" / "5.46.0-scan-1.ocsf.json.gz")
INVOKE_SECONDS_MAX = 900
EMULATOR_PORT = 9000
RUNTIME_API_PORT = 9001


# Of each program, the stack's output that names its function.
OUTPUTS = {
    "export-findings": "ExportFunctionName",
    "check-connections": "CheckFunctionName",
    "manage-integrations": "ManageFunctionName",
}
# The fields by which an event is known, the ones of a queue's message among them.
FIELDS = {
    "check-connections": ({"integration"}, {"integrations"}, {"accounts"}),
    "manage-integrations": ({"rawPath", "requestContext"}, {"ResponseURL", "RequestType"}),
    "export-findings": ({"job"}, {"Event", "Service"}),
}


def main() -> None:
    if sys.argv[1:] == ["--check"]:
        return check()
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_file():
        names = ", ".join(f"events/{path.name}" for path in samples())
        sys.exit(f"usage: make invoke EVENT=FILE, such as {names}")
    event = Path(sys.argv[1]).read_bytes()
    program = program_of(json.loads(event))
    config = settings.read()
    up = stack.load(config)
    for key in scan_keys(json.loads(event)):
        upload(up, key)
    configuration = up.client("lambda").get_function_configuration(FunctionName=up.outputs[OUTPUTS[program]])
    environment = os.environ | up.environment() | configuration["Environment"]["Variables"]
    environment.pop("AWS_PROFILE", None)
    environment |= {
        "AWS_LAMBDA_FUNCTION_NAME": configuration["FunctionName"],
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(configuration["Timeout"]),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration["MemorySize"]),
    }
    port = processes.free_port(None, EMULATOR_PORT)
    command = [
        str(_emulator()), "--runtime-interface-emulator-address", f"127.0.0.1:{port}",
        "--runtime-api-address", f"127.0.0.1:{processes.free_port(None, RUNTIME_API_PORT)}", str(stack.program(program)),
    ]  # fmt: skip
    server = processes.start("aws-lambda-rie", command, environment, port, config.logs / "invoke.log")
    try:
        with cloudformation(event) as event:
            answer = invoke(server.url, event)
    finally:
        processes.stop(server)
    lines = Path(server.log).read_text(errors="replace").splitlines()
    # The emulator's own lines contain `(rapid)`; the others are the function's.
    print("\n".join(line for line in lines if "(rapid)" not in line), file=sys.stderr)
    print(answer)


def program_of(event: object) -> str:
    """The program of the function that an event is for."""
    if isinstance(event, dict) and event.get("Records") and "body" in event["Records"][0]:
        return program_of(json.loads(event["Records"][0]["body"]))
    if isinstance(event, dict) and event.get("Type") == "Notification" and "TopicArn" in event:
        return program_of(json.loads(event["Message"]))
    if isinstance(event, dict):
        for program, known in FIELDS.items():
            if any(fields <= event.keys() for fields in known):
                return program
        sources = [event.get("source"), *(record.get("eventSource") for record in event.get("Records", []))]
        if "aws.s3" in sources or "aws:s3" in sources:
            return "export-findings"
        if not event or "aws.scheduler" in sources:
            return "check-connections"
    sys.exit("no function of ours takes this event: events/README.md lists those that they take")


def scan_keys(event: object) -> list[str]:
    """The keys of BUCKET that an event of any shape names, as S3 knows them."""
    if isinstance(event, list):
        return [key for part in event for key in scan_keys(part)]
    if not isinstance(event, dict):
        return []
    for envelope in ("body", "Message"):
        if isinstance(event.get(envelope), str):
            return scan_keys(json.loads(event[envelope]))
    bucket, thing = event.get("bucket"), event.get("object")
    if isinstance(bucket, dict) and bucket.get("name") == BUCKET and isinstance(thing, dict):
        # S3's own events carry keys as a form would; EventBridge's do not.
        return [urllib.parse.unquote_plus(thing["key"]) if "s3SchemaVersion" in event else thing["key"]]
    return [key for part in event.values() for key in scan_keys(part)]


def samples() -> list[Path]:
    """The sample events."""
    return sorted((ROOT / "events").glob("*.json"))


def check() -> None:
    """Ends the program where a sample event would go to another function than its name says."""
    for path in samples():
        words = path.stem.split("-")
        named = [program for program in OUTPUTS if program.split("-")[0] in words]
        wanted = named[0] if named else "export-findings"
        found = program_of(json.loads(path.read_bytes()))
        if found != wanted:
            sys.exit(f"events/{path.name} would go to {found}; its name says {wanted}")


@contextmanager
def cloudformation(event: bytes) -> Iterator[bytes]:
    """The event; where it is a request of CloudFormation, with an address at which its answer is taken and printed."""
    request = json.loads(event)
    if not isinstance(request, dict) or "ResponseURL" not in request:
        yield event
        return

    class Taker(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            answer = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            print("==> the answer to CloudFormation:", json.dumps(answer, indent=2), sep="\n", flush=True)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Logs nothing."""

    with HTTPServer(("127.0.0.1", 0), Taker) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        request["ResponseURL"] = f"http://127.0.0.1:{server.server_port}/"
        try:
            yield json.dumps(request).encode()
        finally:
            server.shutdown()


def upload(up: stack.Stack, key: str) -> None:
    scan = os.environ.get("SCAN") or SCAN
    s3 = up.client("s3")
    if BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.upload_file(scan, BUCKET, key)
    print(f"==> {scan} is s3://{BUCKET}/{key}", file=sys.stderr)


def invoke(url: str, event: bytes) -> str:
    """Sends the event and returns the function's answer, laid out for reading."""
    started = time.monotonic()
    request = urllib.request.Request(f"{url}/2015-03-31/functions/function/invocations", data=event)
    with urllib.request.urlopen(request, timeout=INVOKE_SECONDS_MAX) as response:
        body = response.read().decode()
    print(f"==> answered after {time.monotonic() - started:.2f} s", file=sys.stderr)
    try:
        return json.dumps(json.loads(body), indent=2)
    except ValueError:
        return body


def _emulator() -> Path:
    machine = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
    emulator = Path(str(resources.files("samcli"))) / "local" / "rapid" / f"aws-lambda-rie-{machine}"
    emulator.chmod(0o755)
    return emulator


if __name__ == "__main__":
    main()
