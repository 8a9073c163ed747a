"""Compares each role with the calls that are made with it, and lists both in docs/iam.md.

    python local/iam.py            writes docs/iam.md
    python local/iam.py --check    fails if it is out of date, a call has no statement, an action no call, or a wildcard no reason

Run by `make check`. The calls are read from shared/aws, the only crate that uses the AWS SDK. No tool can determine which programs
make a call: PROGRAMS lists them, and must contain each existing call and no other. The end-to-end tests run with these roles
(decision 41), and fail if a row has too few programs.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from dataclasses import dataclass

import botocore.session
from botocore import xform_name
from samcli.yamlhelper import yaml_parse

import wildcards
from settings import ROOT

ADAPTERS = ROOT / "shared" / "aws" / "src"
DOCUMENT = ROOT / "docs" / "iam.md"
# Services that have an SDK crate, and those that `signed.rs` calls.
SDK_SERVICES = [
    "cloudwatch", "dynamodb", "events", "lambda", "s3", "scheduler", "secretsmanager", "securityhub", "sqs", "sts",
]  # fmt: skip
SIGNED_SERVICES = ["cloudformation", "ec2", "organizations", "sns"]
# Calls whose action has another name, or that need several actions or none (Service Authorization Reference).
ACTIONS = {
    "s3:CreateMultipartUpload": ["s3:PutObject"],
    "s3:UploadPart": ["s3:PutObject"],
    "s3:CompleteMultipartUpload": ["s3:PutObject"],
    "s3:ListObjectsV2": ["s3:ListBucket"],
    "s3:GetBucketNotificationConfiguration": ["s3:GetBucketNotification"],
    "dynamodb:TransactWriteItems": [],  # the actions of its items
    "lambda:Invoke": ["lambda:InvokeFunction"],
    "secretsmanager:CreateSecret": ["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
    "sqs:SendMessageBatch": ["sqs:SendMessage"],
    "sts:GetCallerIdentity": [],  # requires no permission
}
ANYTHING = ("events", "organizations", "securityhub")
# Items of a transaction, by their builder in the source.
PARTS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
# Calls that reuse another SDK operation (raw_body.rs), by the constant of their path.
CARRIED = {"GET_FINDINGS": "securityhub:GetFindings", "IMPORT_FINDINGS": "securityhub:BatchImportFindings"}

# Programs: export-findings, check-connections, manage-integrations, hubctl; "member": also with the credentials of an account.
EXPORT, CHECK, MANAGE, HUBCTL, MEMBER = "export", "check", "manage", "hubctl", "member"
ALL = (EXPORT, CHECK, MANAGE, HUBCTL)
EXPORTS = (EXPORT, HUBCTL)
HUB = (EXPORT, CHECK, HUBCTL, MEMBER)
CHANGES = (EXPORT, MANAGE, HUBCTL)
# By file: the resource that is called, as a part of its name in the statement, and the programs that call each function.
PROGRAMS = {
    "deployment/function.rs": ("CheckConnectionsFunction", {"invoke": (MANAGE, HUBCTL)}),
    "deployment/inspect.rs": ("", dict.fromkeys(
        ["bucket_sends_events", "rule", "targets", "concurrency", "mappings", "messages", "function", "schedule", "alarms"], (HUBCTL,))),
    "deployment/management_function.rs": ("", {"of": (HUBCTL,)}),
    "deployment/stacks.rs": ("", {"describe": (HUBCTL,), "resources": (HUBCTL,)}),
    "deployment/topics.rs": ("", {"subscriptions": (HUBCTL,)}),
    "dynamodb/account_locks.rs": ("Table", {"acquire_lock": EXPORTS, "renew": EXPORTS, "release": EXPORTS}),
    "dynamodb/connections.rs": ("Table", {"save": (EXPORT, CHECK, HUBCTL), "delete_unless_replaced": ALL}),
    "dynamodb/history.rs": ("Table", {"read_history": (MANAGE, HUBCTL)}),
    "dynamodb/integrations.rs": ("Table", {"only_organization": (EXPORT, HUBCTL)}),
    "dynamodb/jobs.rs": ("Table", {"record_job": CHANGES, "record_progress": (EXPORT,), "cancel_job": EXPORTS}),
    "dynamodb/notifications.rs": ("", {"notified": (EXPORT, CHECK), "write_notified": (EXPORT, CHECK), "put_events": (EXPORT, CHECK)}),
    "dynamodb/query_all.rs": ("Table", {"query_all": (CHECK, HUBCTL)}),
    "dynamodb/query_page.rs": ("Table", {"partition": (MANAGE, HUBCTL)}),
    "dynamodb/settings_store/audit.rs": ("Table", {"append": CHANGES}),
    "dynamodb/settings_store/commit.rs": ("Table", {"transact_steps": CHANGES, "put_of": CHANGES, "delete_of": CHANGES, "check_of": CHANGES}),
    "dynamodb/settings_store/mod.rs": ("Table", {"item": ALL}),
    "dynamodb/run_log.rs": ("StateBucket", {"json_lines": CHANGES}),
    "dynamodb/runs.rs": ("StateBucket", {"record": EXPORTS, "list_runs": EXPORTS, "full_report": CHANGES}),
    "dynamodb/upload_locks.rs": ("Table", {"acquire_claim": EXPORTS, "extend_claim": EXPORTS, "complete_claim": EXPORTS, "release": EXPORTS}),
    "organization.rs": ("Table", {"store_members": (CHECK, HUBCTL), "organization_accounts": (CHECK, HUBCTL)}),
    "queue.rs": ("ExportQueue", {"put": CHANGES}),
    "check_targets.rs": ("CheckQueue", {"send": (CHECK,)}),
    "s3/objects.rs": ("StateBucket", {
        "object": CHANGES, "keys": EXPORTS, "put": EXPORTS, "begin": EXPORTS, "complete": EXPORTS, "drop": EXPORTS}),
    "s3/scans.rs": ("ScanBucket", {"get": EXPORTS}),
    "s3/uploads.rs": ("ScanBucket", {"list_uploads": (HUBCTL,)}),
    "secrets_manager/access_keys.rs": ("secret", {"store_key": (MANAGE, HUBCTL), "delete_key": CHANGES}),
    "secrets_manager/secret.rs": ("secret", {"read": (EXPORT, CHECK, HUBCTL)}),
    "security_hub/client.rs": ("securityhub", {"page": HUB, "send": HUB, "enabled_at": HUB, "state": HUB}),
    "security_hub/credentials.rs": ("role", {"assume": (EXPORT, CHECK, HUBCTL)}),
    "security_hub/probe.rs": ("securityhub", {"product_accepted": HUB, "accept_product": HUB}),
    "security_hub/raw.rs": ("securityhub", dict.fromkeys(["raw_import", "raw_find", "raw_describe", "raw_products"], (HUBCTL,))),
    "security_hub/regions.rs": ("", {"account_regions": HUB}),
    "security_hub/sessions.rs": ("", {"connect_as_caller": (HUBCTL,), "connect_for": HUB}),
}
# Actions that AWS services perform with a role, and other reasons for an action: the action, its resource, the reason.
POLLS = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"]
KEYS = [
    ("kms:Decrypt", "KmsKeyArn", "the services decrypt data that is encrypted with `KmsKeyArn`"),
    ("kms:GenerateDataKey", "KmsKeyArn", "the services encrypt data with `KmsKeyArn`"),
]
OWN_SECRETS = [("kms:Decrypt", "SecretKmsKeyArn", "Secrets Manager decrypts secrets that are encrypted with `SecretKmsKeyArn`")]
MISSING = "without it, S3 returns 403 instead of 404 if an object does not exist"


def _logs(group: str) -> list[tuple[str, str, str]]:
    return [(action, group, "Lambda writes logs") for action in ("logs:CreateLogStream", "logs:PutLogEvents")]


def _polls(queue: str) -> list[tuple[str, str, str]]:
    return [(action, queue, "Lambda polls the queue") for action in POLLS]


# Whatever the function is.
TRACES = [(action, "", "Lambda writes traces, if `Tracing` is `true`") for action in ("xray:PutTraceSegments", "xray:PutTelemetryRecords")]


BY_SERVICES = {
    "ExportFindingsRole": [
        *_polls("ExportQueue"), *_logs("ExportFindingsLogGroup"), *TRACES, *KEYS, *OWN_SECRETS,
        ("kms:Decrypt", "ScanBucketKmsKeyArn", "S3 decrypts scans in an existing bucket"),
        ("s3:ListBucket", "ScanBucket", MISSING), ("s3:ListBucket", "StateBucket", MISSING),
        ("s3:GetObjectVersion", "ScanBucket", "reads of the object version that the event names"),
    ],
    "CheckConnectionsRole": [
        *_polls("CheckQueue"), *_logs("CheckConnectionsLogGroup"), *TRACES, *KEYS, *OWN_SECRETS,
        ("sqs:SendMessage", "CheckDeadLetterQueue", "Lambda sends failed invocations to the dead-letter queue"),
    ],
    "ManageIntegrationsRole": [*_logs("ManageIntegrationsLogGroup"), *TRACES, *KEYS, ("s3:ListBucket", "StateBucket", MISSING)],
    "CheckSchedulerRole": [
        *KEYS,
        ("lambda:InvokeFunction", "CheckConnectionsFunction", "EventBridge Scheduler invokes the function"),
        ("sqs:SendMessage", "CheckDeadLetterQueue", "EventBridge Scheduler sends failed invocations to the dead-letter queue"),
    ],
    "Role": [],
}  # fmt: skip
# The template, the role in it, and the program that has it.
ROLES = [
    ("template.yaml", "ExportFindingsRole", EXPORT),
    ("template.yaml", "CheckConnectionsRole", CHECK),
    ("template.yaml", "ManageIntegrationsRole", MANAGE),
    ("template.yaml", "CheckSchedulerRole", None),
    ("deploy/member-role.yaml", "Role", MEMBER),
]


@dataclass(frozen=True)
class Use:
    """A required action, with its resource and the call or the reason that requires it."""

    action: str
    target: str
    why: str


def operations(services: list[str], name=lambda operation: operation) -> dict[str, str]:
    """The API calls of the services, by their names in the source."""
    session = botocore.session.get_session()
    found = {}
    for service in services:
        for operation in session.get_service_model(service).operation_names:
            found[name(operation)] = f"{service}:{operation}"
    return found


def calls() -> dict[tuple[str, str], set[str]]:
    """Every API call in the adapters, by file and function."""
    sdk, signed = operations(SDK_SERVICES, xform_name), operations(SIGNED_SERVICES)
    found = defaultdict(set)
    for path in sorted(ADAPTERS.rglob("*.rs")):
        name, function = str(path.relative_to(ADAPTERS)), ""
        if path.name == "raw_body.rs":  # its callers name the calls
            continue
        for line in path.read_text().split("#[cfg(test)]")[0].splitlines():
            code = line.split("//")[0]
            if match := re.search(r"\bfn (\w+)", code):
                function = match[1]
            names = [sdk[call] for call in re.findall(r"(?<!uri)\.(\w+)\(\)", code) if call in sdk]
            names += [signed[text] for text in re.findall(r'"(\w+)"', code) if text in signed]
            names += [f"dynamodb:{PARTS[part]}" for part in re.findall(r"\b(\w+)::builder\(\)", code) if part in PARTS]
            names += [CARRIED[path] for path in re.findall(r"\b\w+\b", code) if path in CARRIED and "use " not in code]
            if names:
                found[name, function].update(names)
    return found


def uses(found: dict[tuple[str, str], set[str]], program: str | None) -> list[Use]:
    """The actions that a program's calls need."""
    needed = []
    for (file, function), names in sorted(found.items()):
        target, functions = PROGRAMS[file]
        if program not in functions[function]:
            continue
        for name in sorted(names):
            service = name.split(":")[0]
            # Some files call another service in addition to the table. Calls of ANYTHING have no resource of the deployment.
            on = "Table" if service == "dynamodb" else "" if service in ANYTHING or target == "Table" else target
            for action in ACTIONS.get(name, [name]):
                needed.append(Use(action, on, f"`{name.split(':')[1]}` in `{file}`, `{function}`"))
    return needed


def statements(template: dict, role: str) -> list[dict]:
    """The statements of a role, including conditional ones."""
    found = []
    for policy in template["Resources"][role]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            found += [part for part in statement["Fn::If"][1:] if "Sid" in part] if "Fn::If" in statement else [statement]
    return found


def as_list(value) -> list:
    return value if isinstance(value, list) else [value]


def _serves(statement: dict, action: str, use: Use) -> bool:
    # `!Ref`, `!GetAtt` and `!Sub` name resources within strings; ScanBucket must not match ScanBucketKmsKeyArn.
    resource = json.dumps(statement["Resource"])
    is_named = re.search(rf"(?<![A-Za-z]){use.target}(?![A-Za-z])", resource) if use.target else True
    return action == use.action and (statement["Resource"] == "*" or bool(is_named))


def rows(template: dict, role: str, needed: list[Use], wrong: list[str]) -> list[str]:
    """The table of a role's statements. Mismatches are added to `wrong`."""
    lines, served = ["| statement | action | needed for |", "| --- | --- | --- |"], set()
    for statement in statements(template, role):
        for action in as_list(statement["Action"]):
            if statement["Effect"] == "Deny":
                lines.append(f"| `{statement['Sid']}` | deny `{action}` | |")
                continue
            reasons = [use for use in needed if _serves(statement, action, use)]
            served.update(reasons)
            if not reasons:
                wrong.append(f"{role}: no call needs {action} of {statement['Sid']}")
            texts = list(dict.fromkeys(use.why for use in reasons))
            lines.append(f"| `{statement['Sid']}` | `{action}` | {'; '.join(texts)} |")
    for use in (use for use in needed if use not in served):
        wrong.append(f"{role}: no statement allows {use.action} on {use.target or 'anything'} for {use.why}")
    return lines


def document(wrong: list[str]) -> str:
    """The page. Mismatches are added to `wrong`."""
    found = calls()
    known = {(file, function) for file, (_, functions) in PROGRAMS.items() for function in functions}
    wrong += [f"{file}, {function}: calls {', '.join(found[file, function])}, but PROGRAMS has no row for it"
              for file, function in sorted(found.keys() - known)]
    wrong += [f"{file}, {function}: has a row in PROGRAMS, but makes no call" for file, function in sorted(known - found.keys())]
    if wrong:
        return ""
    lines = [
        "# Permissions", "",
        "Every statement of every role, with the API calls or AWS services that need it. A call is followed by the file in `shared/aws/src` and the",
        "function that makes it. The Terraform module has the same statements as the member role; a test compares them.", "",
        "This page is generated by `.venv/bin/python local/iam.py`. `make check` fails if a call has no statement, an action no call, or a wildcard no",
        "reason.", "",
    ]  # fmt: skip
    templates = {name: yaml_parse((ROOT / name).read_text()) for name in {name for name, _, _ in ROLES}}
    for name, role, program in ROLES:
        needed = uses(found, program) + [Use(*use) for use in BY_SERVICES[role]]
        lines += [f"## {role} ({name})", "", *rows(templates[name], role, needed, wrong), ""]
    lines += wildcards.section(wrong)
    lines += [
        "## hubctl with your own credentials", "",
        "Without `--local`, hubctl needs `lambda:InvokeFunction` on the function in the output `ManageFunctionName`, and",
        "`cloudformation:DescribeStacks`. With `--local`, and for `export`, `doctor`, `verify`, and `plan` of a file, it makes those of the",
        "following calls itself that the command needs:", "",
        "| action | needed for |", "| --- | --- |",
    ]  # fmt: skip
    by_action = defaultdict(list)
    for use in uses(found, HUBCTL):
        by_action[use.action].append(use.why)
    lines += [f"| `{action}` | {'; '.join(dict.fromkeys(why))} |" for action, why in sorted(by_action.items())]
    return "\n".join(lines) + "\n"


def main() -> None:
    wrong: list[str] = []
    text = document(wrong)
    if wrong:
        sys.exit("\n".join(wrong))
    if "--check" in sys.argv:
        if not DOCUMENT.exists() or DOCUMENT.read_text() != text:
            sys.exit("docs/iam.md is out of date: .venv/bin/python local/iam.py")
    else:
        DOCUMENT.write_text(text)


if __name__ == "__main__":
    main()
