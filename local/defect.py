"""Checks that CloudFormation is answered where a request panics in the packaged function.

    python local/defect.py

Run by `make package`. Rust's tests unwind whatever the profile says, so this runs a program: tests/planted-defect is
manage-integrations with a panic in its first change, compiled and linked as the functions are. It is invoked as Lambda would, with
a request of CloudFormation and then with another one.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from settings import RELEASE_PROGRAMS, ROOT

PROGRAM = RELEASE_PROGRAMS / "planted-defect" / "bootstrap"
ANSWER_SECONDS_MAX = 30
# Longer than the time that the function reserves for its answer.
INVOCATION_SECONDS = 60


class Lambda(ThreadingHTTPServer):
    """Lambda's Runtime API for one process, and the address at which CloudFormation waits for its answer."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.events: queue.Queue[bytes] = queue.Queue()
        self.answers: queue.Queue[tuple[str, dict]] = queue.Queue()

    def answer(self, process: subprocess.Popen) -> tuple[str, dict]:
        """The next answer: where it came in, and what it is."""
        deadline = time.monotonic() + ANSWER_SECONDS_MAX
        while process.poll() is None and time.monotonic() < deadline:
            try:
                return self.answers.get(timeout=0.1)
            except queue.Empty:
                continue
        ended = process.poll()
        sys.exit("no answer in time" if ended is None else f"no answer: the process ended with {ended}")


class Handler(BaseHTTPRequestHandler):
    server: Lambda

    def do_GET(self) -> None:
        event = self.server.events.get()
        self._reply(event, {
            "Lambda-Runtime-Aws-Request-Id": "00000000-0000-4000-8000-000000000000",
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + INVOCATION_SECONDS) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:123456789012:function:planted-defect",
        })  # fmt: skip

    def do_POST(self) -> None:
        self._take()

    def do_PUT(self) -> None:
        self._take()

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        # Before it is taken: what the program does next comes after it.
        self.server.answers.put((self.path.rsplit("/", 1)[-1], json.loads(body or b"null")))
        self._reply(b"", {})

    def _reply(self, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


def main() -> None:
    server = Lambda()
    Thread(target=server.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{server.server_address[1]}"
    request = json.loads((ROOT / "events" / "manage-cloudformation.json").read_text())
    request |= {"RequestType": "Create", "ResponseURL": f"http://{address}/cloudformation"}
    server.events.put(json.dumps(request).encode())
    server.events.put((ROOT / "events" / "manage-list.json").read_bytes())
    environment = {
        "AWS_LAMBDA_RUNTIME_API": address,
        "AWS_LAMBDA_FUNCTION_NAME": "planted-defect",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "PATH": os.environ.get("PATH", ""),
    }
    process = subprocess.Popen([str(PROGRAM)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        where, answer = server.answer(process)
        if where != "cloudformation" or answer["Status"] != "FAILED" or "a defect of ours" not in answer["Reason"]:
            sys.exit(f"a panic is answered by {where}: {answer}")
        where, answer = server.answer(process)
        if where != "response" or answer is not None:
            sys.exit(f"Lambda was told of the request by {where}: {answer}")
        where, answer = server.answer(process)
        if where != "response" or answer["statusCode"] != 200:
            sys.exit(f"the request after the panic is answered by {where}: {answer}")
    except BaseException:
        process.kill()
        print(process.communicate()[0].decode(errors="replace"), file=sys.stderr)
        raise
    process.kill()
    process.communicate()
    print("a panic is answered, and the next request is handled")


if __name__ == "__main__":
    main()
