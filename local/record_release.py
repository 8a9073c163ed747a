"""Records what a release writes, for the upgrade test: tests/upgrade/VERSION.

    make demo KEEP=1 && .venv/bin/python local/record_release.py && make stack-down

Done once for each release, before its tag. Later releases must read these files (tests/upgrade/main.rs); they are not changed. The state,
the reports, and the items of the table are those of the demo, and of a job that undoes
what it archived; the messages of the queues are those that it sent, and one of each job.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from decimal import Decimal

from boto3.dynamodb.types import TypeDeserializer

import settings
import stack
from settings import ACCOUNT, ROOT

TARGET = ROOT / "tests" / "upgrade"
RUN = "01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b"
# One of each job as it is on the queue, an upload that continues in a further invocation, and events as they come from S3.
MESSAGES = {
    "export": [
        {"job": "replay", "run_id": RUN, "next_run_ids": [RUN]},
        {"job": "approve", "run_id": RUN, "pending": True, "unproven": True},
        {"job": "undo_archive", "run_id": RUN},
        {"job": "redrive", "run_id": RUN, "code": "InvalidInput"},
        {"job": "reconcile", "provider": ACCOUNT, "regions": ["eu-west-1"], "dry_run": True},
        {"job": "archive_all", "provider": ACCOUNT, "deletion_requested_at": "2026-11-23T00:00:00Z"},
        {
            "source": "aws.s3", "detail-type": "Object Created",
            "detail": {"bucket": {"name": "scans"}, "object": {"key": "a.json", "version-id": "v", "etag": "e"}, "requester": ACCOUNT},
            "chain": {"run_id": RUN, "rounds": 3, "idle_rounds": 1},
        },
    ],
    "check": [{"accounts": [ACCOUNT], "round": 1}],
}  # fmt: skip
SAMPLES = ["eventbridge", "s3", "s3-test"]


def _plain(value):
    """Numbers and sets of DynamoDB as JSON has them."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, set)):
        return [_plain(part) for part in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _submit_job(up: stack.Stack) -> None:
    """Undoes what the demo archived, so that the table has a job."""
    command = [str(stack.program("hubctl"))]
    to = ["--stack", settings.STACK_NAME]
    environment = os.environ | up.environment()
    listed = subprocess.run(
        [*command, "run", "list", "--output", "json", *to], env=environment, capture_output=True, text=True, check=True
    )
    archived = next(run["run_id"] for run in json.loads(listed.stdout) if run["counts"]["archived"])
    subprocess.run([*command, "run", "undo-archive", archived, "--yes", *to], env=environment, check=True)


def main() -> None:
    up = stack.load(settings.read())
    _submit_job(up)
    version = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    target = TARGET / version
    shutil.rmtree(target, ignore_errors=True)
    (target / "state").mkdir(parents=True)
    s3, bucket = up.client("s3"), up.outputs["StateBucketName"]
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    body = {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
    reports = [json.loads(body[key]) for key in keys if key.endswith("/report.json")]
    for key in (key for key in keys if key.startswith("state/") and key.endswith(".zst") and "coverage" not in key):
        (target / "state" / key.rsplit("/", 1)[-1]).write_bytes(body[key])
    read = TypeDeserializer().deserialize
    scanned = up.client("dynamodb").scan(TableName=up.outputs["TableName"])["Items"]
    items = [{name: _plain(read(value)) for name, value in item.items()} for item in scanned]
    samples = [json.loads((ROOT / "events" / f"{name}.json").read_text()) for name in SAMPLES]
    messages = MESSAGES | {"export": MESSAGES["export"] + samples}
    for name, value in {
        "reports": [report for report in reports if report["counts"]["read"]],
        "table": sorted(items, key=lambda item: (item["pk"], item["sk"])),
        "messages": messages,
    }.items():
        (target / f"{name}.json").write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")
    print(f"{target.relative_to(ROOT)}: {len(items)} items, {len(reports)} reports, {len(keys)} objects")


if __name__ == "__main__":
    main()
