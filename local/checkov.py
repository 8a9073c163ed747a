"""Scans the templates with checkov, and compares what it finds with the exceptions below.

    python local/checkov.py .venv-checkov/bin/checkov

Run by `make checkov`. A finding that is not among EXCEPTIONS fails, and so does one of EXCEPTIONS that is not found any more. checkov
knows no conditions, and has no checks for some resources: cfn-lint and local/templates.py look at the same templates.
"""

from __future__ import annotations

import json
import subprocess
import sys

from settings import ROOT
from templates import TEMPLATES

FUNCTIONS = ("ExportFindingsFunction", "CheckConnectionsFunction", "ManageIntegrationsFunction")
BUCKETS = ("ScanBucket", "StateBucket")
# Each check that fails, the resources of template.yaml for which it does, and the reason why they stay as they are.
EXCEPTIONS = {
    "CKV_AWS_18": (BUCKETS, "access logs: CloudTrail data events record the same, and belong to the account (decision 39)"),
    "CKV_AWS_19": (BUCKETS, "encryption: it is on, by a condition with a key of yours or of S3, which checkov does not evaluate"),
    "CKV_AWS_115": (FUNCTIONS, "reserved concurrency: Lambda rejects it in accounts with few executions (decision 39); MaximumConcurrency is the bound"),
    "CKV_AWS_116": (FUNCTIONS, "dead-letter queue: the queues have one, check-connections has a destination for failures, and CloudFormation waits "
                               "for manage-integrations by its ServiceTimeout"),
    "CKV_AWS_117": (FUNCTIONS, "VPC: they call public endpoints of AWS in every Region, and listen on no network"),
    "CKV_AWS_173": (FUNCTIONS, "key of the environment variables: there is no secret in them (decision 39)"),
}


def found(checkov: str) -> tuple[set[tuple[str, str, str]], int]:
    """What fails (template, check, resource), and how many checks passed."""
    files = [part for name in TEMPLATES for part in ("--file", name)]
    command = [checkov, *files, "--framework", "cloudformation", "--skip-download", "--output", "json", "--quiet", "--soft-fail"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode or not done.stdout.strip():
        sys.exit(f"checkov failed: {done.stderr}")
    report = json.loads(done.stdout)
    failed = report["results"]["failed_checks"]
    resource = {check["resource"]: check["resource"].rsplit(".", 1)[-1] for check in failed}
    return {(check["file_path"].lstrip("/"), check["check_id"], resource[check["resource"]]) for check in failed}, report["summary"]["passed"]


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    failed, passed = found(sys.argv[1])
    known = {("template.yaml", check, resource) for check, (resources, _) in EXCEPTIONS.items() for resource in resources}
    wrong = [f"{' '.join(key)}: fix it, or give the reason in local/checkov.py" for key in sorted(failed - known)]
    wrong += [f"{' '.join(key)} is an exception and no longer found" for key in sorted(known - failed)]
    if wrong or not passed:
        sys.exit("\n".join(wrong) or "checkov checked nothing")
    print(f"{', '.join(TEMPLATES)}: {passed} checks passed, {len(failed)} exceptions:")
    for check, (resources, reason) in EXCEPTIONS.items():
        print(f"  {check} {', '.join(resources)}: {reason}")


if __name__ == "__main__":
    main()
