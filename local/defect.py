"""Checks that a panic in a packaged function is answered: to CloudFormation, and to the other accounts of a check.

    python local/defect.py [PROGRAM]

Run by `make package`. Rust's tests unwind whatever the profile says, so this runs a program: tests/planted-defect is
manage-integrations with a panic in its first change, and check-connections with a panic in the check of one account, compiled and
linked as the functions are. It is invoked as Lambda would, and then again. With PROGRAM, another build of it is tried: one that
unwinds aborts instead.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from settings import RELEASE_PROGRAMS, ROOT

PROGRAM = RELEASE_PROGRAMS / "planted-defect" / "bootstrap"
# The account whose check panics.
DEFECT = "100000000002"
ANSWER_SECONDS_MAX = 30
# Longer than the time that the function reserves for its response.
INVOCATION_SECONDS = 60


class Lambda(ThreadingHTTPServer):
    """Lambda's Runtime API for one process, and the address at which CloudFormation waits for its answer."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.events: queue.Queue[bytes] = queue.Queue()
        self.answers: queue.Queue[tuple[str, dict]] = queue.Queue()

    def answer(self, process: subprocess.Popen) -> tuple[str, dict]:
        """The next response: its path, and its content."""
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
        # Before the response: the program continues only after it.
        self.server.answers.put((self.path.rsplit("/", 1)[-1], json.loads(body or b"null")))
        self._reply(b"", {})

    def _reply(self, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        # The program may be killed before it reads the reply to its last answer.
        with suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


class Function:
    """The planted program as one of the functions, invoked as Lambda would."""

    def __init__(self, name: str, program: str) -> None:
        self.server = Lambda()
        Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        environment = {
            "AWS_LAMBDA_RUNTIME_API": self.address,
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "PATH": os.environ.get("PATH", ""),
        }
        # A file, since a pipe that is not read would block.
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([program], env=environment, stdout=self.log, stderr=subprocess.STDOUT)

    def __enter__(self) -> Function:
        return self

    def __exit__(self, failure: type | None, *_) -> None:
        self.process.kill()
        self.process.wait()
        if failure:
            print(self.lines(), file=sys.stderr)
        self.log.close()

    def invoke(self, event: bytes) -> None:
        self.server.events.put(event)

    def answer(self) -> tuple[str, dict]:
        return self.server.answer(self.process)

    def lines(self) -> str:
        self.log.seek(0)
        return self.log.read().decode(errors="replace")


def cloudformation_is_answered(program: str) -> None:
    with Function("manage-integrations", program) as function:
        request = json.loads((ROOT / "events" / "manage-cloudformation.json").read_text())
        request |= {"RequestType": "Create", "ResponseURL": f"http://{function.address}/cloudformation"}
        function.invoke(json.dumps(request).encode())
        function.invoke((ROOT / "events" / "manage-list.json").read_bytes())
        where, answer = function.answer()
        if where != "cloudformation" or answer["Status"] != "FAILED" or "internal error" not in answer["Reason"]:
            sys.exit(f"a panic is answered by {where}: {answer}")
        where, answer = function.answer()
        if where != "response" or answer is not None:
            sys.exit(f"Lambda was told of the request by {where}: {answer}")
        where, answer = function.answer()
        if where != "response" or answer["statusCode"] != 200:
            sys.exit(f"the request after the panic is answered by {where}: {answer}")


def other_accounts_are_checked(program: str) -> None:
    with Function("check-connections", program) as function:
        for _ in range(2):
            function.invoke((ROOT / "events" / "check-scheduled.json").read_bytes())
            where, answer = function.answer()
            if where != "response":
                sys.exit(f"a panic in the check of one account is answered by {where}: {answer}")
            checked = [connection["account"] for connection in answer["connections"]]
            if len(checked) != 3 or DEFECT in checked or answer["failed"] != [DEFECT] or answer["not_reached"]:
                sys.exit(f"with a panic in the check of {DEFECT}, these are checked: {checked}; failed: {answer['failed']}")
        lines = [json.loads(line) for line in function.lines().splitlines() if line.startswith("{")]
        if not any(line.get("level") == "ERROR" and line.get("account") == DEFECT for line in lines):
            sys.exit(f"no ERROR names the account {DEFECT}")
        if not any(line.get("AccountsNotChecked") == 1 for line in lines):
            sys.exit("no metric counts the account that was not checked")


def main() -> None:
    program = sys.argv[1] if len(sys.argv) > 1 else str(PROGRAM)
    cloudformation_is_answered(program)
    other_accounts_are_checked(program)
    print("a panic is answered, the next request is handled, and the other accounts are checked")


if __name__ == "__main__":
    main()
