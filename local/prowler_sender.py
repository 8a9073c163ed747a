"""Sends a scan with Prowler's own Security Hub sender, as `prowler aws --security-hub --send-sh-only-fails` does after a scan.

    .venv-prowler/bin/python local/prowler_sender.py SCAN RESULT [RETRIES]

Run by bench_prowler.py, with the Python of .venv-prowler. SCAN has one OCSF finding per line. RETRIES is the value of Prowler's option
--aws-retries-max-attempts; without it, Prowler's default of 3. The finding objects that Prowler has in memory after a scan are built first. Then
the steps of Prowler's `__main__.py` run, with its classes and its boto3 settings, and only they are measured. Writes RESULT as JSON: seconds, CPU
seconds, the peak memory before in MB, findings sent and archived, and the errors that Prowler logged.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import boto3
from prowler.lib.check.models import CheckMetadata
from prowler.lib.outputs.asff.asff import ASFF
from prowler.lib.outputs.finding import Finding
from prowler.providers.aws.aws_provider import AwsProvider
from prowler.providers.aws.lib.security_hub.security_hub import SecurityHub


class Errors(logging.Handler):
    """Collects the errors that Prowler logs, which its default log level does not show."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def read(scan: Path) -> list[Finding]:
    """The findings of a scan, as Prowler's own class."""
    with scan.open() as lines:
        return [_finding(json.loads(line)) for line in lines]


def _finding(entry: dict) -> Finding:
    resource_ = entry["resources"][0]
    return Finding(
        auth_method="",
        timestamp=entry["finding_info"]["created_time"],
        account_uid=entry["cloud"]["account"]["uid"],
        metadata=_metadata(entry["metadata"]["event_code"]),
        uid=entry["finding_info"]["uid"],
        status=entry["status_code"],
        status_extended=entry["status_detail"],
        resource_uid=resource_["uid"],
        resource_metadata=resource_["data"]["metadata"],
        resource_name=resource_["name"],
        resource_details=resource_["data"]["details"],
        resource_tags=dict(label.split(":", 1) for label in resource_["labels"]),
        partition=resource_["cloud_partition"],
        region=entry["cloud"]["region"],
        compliance=entry["unmapped"]["compliance"],
    )


@cache
def _metadata(check: str) -> CheckMetadata:
    """The metadata of a check, from Prowler's own file."""
    services = Path(find_spec("prowler").origin).parent / "providers" / "aws" / "services"
    return CheckMetadata.parse_file(next(services.glob(f"*/{check}/{check}.metadata.json")))


def send(findings: list[Finding], retries: int | None) -> tuple[int, int]:
    """Maps, sends, and archives; returns the numbers of findings that Prowler reports as sent and as archived."""
    session = boto3.Session()
    session._session.set_default_client_config(AwsProvider.set_session_config(retries))
    security_hub = SecurityHub(
        aws_account_id=findings[0].account_uid,
        aws_partition=findings[0].partition,
        aws_session=session,
        findings=ASFF(findings=findings).data,
        send_only_fails=True,
        aws_security_hub_available_regions=sorted({finding.region for finding in findings}),
    )
    return security_hub.batch_send_to_security_hub(), security_hub.archive_previous_findings()


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    errors = Errors()
    logging.getLogger().handlers = [errors]
    findings = read(Path(sys.argv[1]))
    memory_before, cpu, started = _peak_mb(), _cpu_seconds(), time.monotonic()
    sent, archived = send(findings, int(sys.argv[3]) if len(sys.argv) > 3 else None)
    result = {
        "seconds": time.monotonic() - started,
        "cpu_seconds": _cpu_seconds() - cpu,
        "memory_before_mb": memory_before,
        "sent": sent,
        "archived": archived,
        "errors": errors.messages,
    }
    Path(sys.argv[2]).write_text(json.dumps(result))


if __name__ == "__main__":
    main()
