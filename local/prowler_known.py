"""What Prowler reports about a deployment of template.yaml: which checks need a parameter, and which fail for a reason.

Used by local/scan_stack.py, which compares it with the results of Prowler, and by the tables in docs/hardening.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from samcli.yamlhelper import yaml_parse

from checkov import BUCKETS, FUNCTIONS
from settings import ROOT

PAGE = ROOT / "docs" / "hardening.md"
START, END = "<!-- make scan-stack -->\n", "<!-- end -->"
# The stack itself, as a resource.
STACK = "the stack"
ALARM, LOG_GROUP, TABLE, TOPIC = "AWS::CloudWatch::Alarm", "AWS::Logs::LogGroup", "AWS::DynamoDB::Table", "AWS::SNS::Topic"
BUCKET, FUNCTION, QUEUE, ROLE = "AWS::S3::Bucket", "AWS::Serverless::Function", "AWS::SQS::Queue", "AWS::IAM::Role"
# Each resource of these types must have results: without them, a scan in which nothing fails shows nothing.
SCANNED = (ALARM, BUCKET, FUNCTION, LOG_GROUP, QUEUE, ROLE, TABLE, TOPIC)

# Checks that fail with the defaults and pass with a parameter, for each resource of a type.
BY_PARAMETER = {
    "cloudwatch_alarm_actions_alarm_state_configured": ("AlarmTopicArn", ALARM),
    "cloudwatch_log_group_kms_encryption_enabled": ("KmsKeyArn", LOG_GROUP),
    "cloudwatch_log_group_retention_policy_specific_days_enabled": ("LogRetentionDays=365", LOG_GROUP),
    "dynamodb_table_deletion_protection_enabled": ("TableDeletionProtection=true", TABLE),
    "s3_bucket_kms_encryption": ("KmsKeyArn", BUCKET),
    "sns_topics_kms_encryption_at_rest_enabled": ("KmsKeyArn", TOPIC),
}
# Checks that fail with any parameters, for which resources, and why that is right.
EXCEPTIONS = {
    "awslambda_function_env_vars_not_encrypted_with_cmk": (
        FUNCTIONS, "the variables have no secret, and are encrypted with a key of Lambda (decision 39)"),
    "awslambda_function_inside_vpc": (
        FUNCTIONS, "the functions call public endpoints of AWS in every Region, and listen on no network"),
    "awslambda_function_invoke_api_operations_cloudtrail_logging_enabled": (
        FUNCTIONS, "data events are a setting of a trail of the account"),
    "awslambda_function_no_dead_letter_queue": (
        FUNCTIONS, "the queues of export-findings and check-connections have one, failed asynchronous checks go to a destination, and "
                   "CloudFormation waits for manage-integrations by its ServiceTimeout"),
    "cloudformation_stacks_termination_protection_enabled": (
        (STACK,), "an option of the stack that no template can set: `aws cloudformation update-termination-protection`"),
    "dynamodb_table_protected_by_backup_plan": (
        ("Table",), "point-in-time recovery is on; backup plans belong to the account"),
    "iam_role_cross_service_confused_deputy_prevention": (
        ("CheckConnectionsRole", "ExportFindingsRole", "ManageIntegrationsRole"),
        "Lambda accepts a role of its own account only (`iam:PassRole`), and does not document `aws:SourceAccount` for execution roles"),
    "s3_bucket_cross_region_replication": (
        BUCKETS, "the state is rebuilt from Security Hub if it is lost; scans can be uploaded again"),
    "s3_bucket_event_notifications_enabled": (
        ("StateBucket",), "nothing reacts to the state"),
    "s3_bucket_no_mfa_delete": (
        BUCKETS, "only the root user can turn it on, and lifecycle rules can't be used with it"),
    "s3_bucket_object_lock": (
        BUCKETS, "versions are kept for 30 days; retention locks would keep findings longer than `RunRetentionDays`"),
    "s3_bucket_server_access_logging_enabled": (
        BUCKETS, "CloudTrail data events record the same, and belong to the account (decision 39)"),
}  # fmt: skip
# Checks that are not made, and why.
EXCLUDED = {
    "awslambda_function_no_secrets_in_code": "it looks for secrets in compiled programs, where texts stand next to one another, such as `SecretId` before a "
                                             "hash: it reports other functions with each build",
}  # fmt: skip


@dataclass(frozen=True)
class Result:
    """A result of a check for a resource of the stack, by its logical ID."""

    check: str
    resource: str
    status: str


def names(kind: str) -> list[str]:
    """The logical IDs of the resources of a type."""
    return [name for name, resource in _template()["Resources"].items() if resource["Type"] == kind]


@cache
def _template() -> dict:
    return yaml_parse((ROOT / "template.yaml").read_text())


def by_parameter() -> set[tuple[str, str]]:
    """The checks and resources that fail without parameters."""
    return {(check, name) for check, (_, kind) in BY_PARAMETER.items() for name in names(kind)}


def exceptions() -> set[tuple[str, str]]:
    """The checks and resources that fail with any parameters."""
    return {(check, name) for check, (resources, _) in EXCEPTIONS.items() for name in resources}


def mismatches(default: list[Result], hardened: list[Result]) -> list[str]:
    """The differences between the results of the two deployments and what is known, a line each."""
    wrong = []
    for title, results, known in (("default", default, exceptions() | by_parameter()), ("hardened", hardened, exceptions())):
        failed = {(result.check, result.resource) for result in results if result.status == "FAIL"}
        wrong += [f"{title}: {check} fails for {name}: fix it, or give the reason in local/prowler_known.py"
                  for check, name in sorted(failed - known)]  # fmt: skip
        wrong += [f"{title}: {check} of {name} is in local/prowler_known.py, and does not fail" for check, name in sorted(known - failed)]
        seen = {result.resource for result in results}
        wrong += [f"{title}: no check has a result for {name}" for kind in SCANNED for name in names(kind) if name not in seen]
    passed = {(result.check, result.resource) for result in hardened if result.status == "PASS"}
    wrong += [f"hardened: {check} of {name} does not pass with {BY_PARAMETER[check][0]}" for check, name in sorted(by_parameter() - passed)]
    return wrong


def tables() -> str:
    """The tables of the page."""
    lines = ["| check | resources | parameter |", "| --- | --- | --- |"]
    lines += [f"| `{check}` | {kind} | `{parameter}` |" for check, (parameter, kind) in BY_PARAMETER.items()]
    lines += ["", "| check | resources | why it fails |", "| --- | --- | --- |"]
    lines += [f"| `{check}` | {', '.join(resources)} | {reason} |" for check, (resources, reason) in EXCEPTIONS.items()]
    lines += ["", "| check | why it is not run |", "| --- | --- |"]
    lines += [f"| `{check}` | {reason} |" for check, reason in EXCLUDED.items()]
    return "\n".join(lines)


def page(text: str) -> str:
    """The page with its tables replaced."""
    before, rest = text.split(START)
    _, after = rest.split(END)
    return f"{before}{START}\n{tables()}\n\n{END}{after}"
