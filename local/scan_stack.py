"""Scans a deployment of template.yaml with Prowler, and compares the results with local/prowler_known.py.

    python local/scan_stack.py            deploys, scans, compares
    python local/scan_stack.py render     writes the tables of docs/hardening.md

Run by `make scan-stack`. The template is deployed on the local AWS twice: with the defaults, and with the parameters that Prowler asks for. Ends with
1 if a check fails without a reason, if a reason is no longer needed, or if Prowler has no result for a resource. What the local AWS does not answer is
printed; checks of the account, which no template can influence, are counted.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import prowler_known
import settings
import stack
from prowler_known import STACK, Result
from settings import ROOT, STACK_NAME, Settings
from stack import Stack

PROWLER = ROOT / ".venv-prowler" / "bin" / "prowler"
FOLDER = ROOT / ".local" / "scan-stack"
SERVICES = ("awslambda", "cloudformation", "cloudwatch", "dynamodb", "eventbridge", "iam", "kms", "s3", "secretsmanager", "sns", "sqs")
# With these, the stack has every resource of the template that has no other condition.
ALL_RESOURCES = {"NotificationEmail": "security@example.com", "ManagementUrl": "iam"}
# Other services, by what Prowler logs about an operation that failed.
UNANSWERED = re.compile(r"\((\w+)\) when calling the (\w+) operation|Could not connect to the endpoint URL: \"([^\"]+)\"")
# Responses of AWS, too: there is no such configuration.
ANSWERS = re.compile(r"^(NoSuch|PolicyNotFound|ObjectLockConfigurationNotFound|404$)")


def deploy_with_defaults(config: Settings, up: Stack) -> None:
    """Deploys all resources, with the defaults of the template instead of those of the local stack."""
    stack.deploy_with_sam(replace(config, parameters=ALL_RESOURCES), up)


def deploy_hardened(config: Settings, up: Stack) -> None:
    """Deploys with the parameters that Prowler asks for."""
    fixed = [parameter.split("=") for parameter, _ in prowler_known.BY_PARAMETER.values() if "=" in parameter]
    arns = {
        "KmsKeyArn": up.client("kms").create_key()["KeyMetadata"]["Arn"],
        "AlarmTopicArn": up.client("sns").create_topic(Name="alarms")["TopicArn"],
    }
    stack.deploy_with_sam(replace(config, parameters=ALL_RESOURCES | dict(fixed) | arns), up)


def scan(title: str, deploy) -> list[Result]:
    """Deploys, scans, and prints what was found; returns the results about the stack's resources."""
    print(f"==> {title}: deploying on a local AWS, and scanning", flush=True)
    config = replace(settings.read(), directory=FOLDER / title)
    up = stack.up(config, lambda text: None, deploy=deploy)
    try:
        findings, log = _prowler(up, config.directory / "output")
        resources = _resources(up)
    finally:
        stack.down(config)
    results, others = of_the_stack(findings, resources)
    _print(results, others, {finding["metadata"]["event_code"] for finding in findings}, log)
    return results


def of_the_stack(findings: list[dict], resources: dict[str, str]) -> tuple[list[Result], Counter]:
    """The results about the stack's resources, and the number of others by check. `resources` has logical IDs by names that ARNs contain."""
    results, others = set(), Counter()
    for finding in findings:
        check, status = finding["metadata"]["event_code"], finding["status_code"]
        for resource in finding["resources"]:
            # A subscription's ARN is the topic's, and an ID.
            name = next((resources[part] for part in reversed(_parts(resource["uid"])) if part in resources), None)
            if name:
                results.add(Result(check, name, status))
            else:
                others[check] += 1
    return sorted(results, key=lambda result: (result.check, result.resource)), others


def unanswered(log: str) -> list[str]:
    """The calls that the local AWS does not answer, and errors of checks, from Prowler's log."""
    found = set()
    for message in re.findall(r'"level": "ERROR".*"message": "(.*)"}', log):
        match = UNANSWERED.search(message)
        if not match:
            found.add(message[:120])
        elif match[3]:
            found.add(re.sub(r"^http://[^/]+", "", match[3]))
        elif not ANSWERS.match(match[1]):
            found.add(f"{match[2]}: {match[1]}")
    return sorted(found)


def _parts(identifier: str) -> list[str]:
    """The parts of an ARN, a URL, or a name."""
    return re.split(r"[:/]", identifier)


def _resources(up: Stack) -> dict[str, str]:
    """The logical IDs of the stack's resources, by the last part of their physical IDs."""
    client = up.client("cloudformation")
    listed = client.get_paginator("list_stack_resources").paginate(StackName=STACK_NAME)
    items = [item for page in listed for item in page["StackResourceSummaries"]]
    # A function URL has the physical ID of its function, and results about it name the function.
    found = {_parts(item["PhysicalResourceId"])[-1]: item["LogicalResourceId"] for item in items if item["ResourceType"] != "AWS::Lambda::Url"}
    return found | {_parts(client.describe_stacks(StackName=STACK_NAME)["Stacks"][0]["StackId"])[-1]: STACK}


def _prowler(up: Stack, folder: Path) -> tuple[list[dict], str]:
    """Prowler's findings, and its log."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Security Hub's simulator knows the accounts, but nothing about their configuration. No other credentials or settings are read.
    given = {name: value for name, value in up.environment().items() if not name.startswith("AWS_ENDPOINT_URL_")}
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)} | given
    command = [
        PROWLER, "aws", "--service", *SERVICES, "--excluded-check", *prowler_known.EXCLUDED, "--region", settings.REGION, "--output-formats", "json-ocsf", "--output-directory", folder,
        "--output-filename", "scan", "--ignore-exit-code-3", "--no-banner", "--no-color", "--log-level", "ERROR", "--log-file", folder / "prowler.log",
    ]  # fmt: skip
    with (folder / "output.log").open("wb") as output:
        done = subprocess.run([str(part) for part in command], env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    scanned = folder / "scan.ocsf.json"
    if done.returncode or not scanned.exists():
        sys.exit(f"Prowler ended with {done.returncode}: {folder / 'output.log'}")
    return json.loads(scanned.read_text()), (folder / "prowler.log").read_text()


def _print(results: list[Result], others: Counter, answered: set[str], log: str) -> None:
    for status in sorted({result.status for result in results}):
        print(f"  {status}:")
        for line in _by_check([result for result in results if result.status == status]):
            print(f"    {line}")
    print(f"  of the account, not of the stack: {others.total()} results of {len(others)} checks: {', '.join(sorted(others))}")
    print(f"  no result, because there is no such resource or no answer: {', '.join(sorted(_checks() - answered - prowler_known.EXCLUDED.keys()))}")
    print(f"  not answered by the local AWS, or an error of Prowler: {'; '.join(unanswered(log))}", flush=True)


def _by_check(results: list[Result]) -> Iterator[str]:
    for check in dict.fromkeys(result.check for result in results):
        yield f"{check}: {', '.join(result.resource for result in results if result.check == check)}"


def _checks() -> set[str]:
    """The checks of the services, which are directories of Prowler."""
    for services in (ROOT / ".venv-prowler").glob("lib/python3*/site-packages/prowler/providers/aws/services"):
        return {file.parent.name for service in SERVICES for file in (services / service).glob("*/*.metadata.json")}
    sys.exit("Prowler is not installed: make scan-stack")


def main() -> None:
    if sys.argv[1:] == ["render"]:
        prowler_known.PAGE.write_text(prowler_known.page(prowler_known.PAGE.read_text()))
        return
    if sys.argv[1:]:
        sys.exit(__doc__)
    # `kill` ends it as Ctrl-C does: the stack is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    wrong = prowler_known.mismatches(scan("default", deploy_with_defaults), scan("hardened", deploy_hardened))
    if wrong:
        sys.exit("\n".join(wrong))
    print("==> each failed check has a reason or a parameter, and each of them is needed: docs/hardening.md")


if __name__ == "__main__":
    main()
