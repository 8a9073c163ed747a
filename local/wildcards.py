"""Each wildcard in a statement that allows something has a reason, which docs/iam.md lists.

`*` alone needs none if no action of the statement has resources: cfn-lint has the resource types of each action, from the Service
Authorization Reference. A reason that no statement needs any more is an error, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from samcli.yamlhelper import yaml_parse

from settings import ROOT
from templates import TEMPLATES

OWN_KEYS = "has one object per scan; its key is chosen by the uploader"
EVERY_REGION = "findings are sent to every enabled Region"
NEW_ACCOUNTS = "accounts are added without an update of the stack; the trust policy of the role in the account decides"
# By the ARN, as the template has it.
REASONS = {
    "arn:${AWS::Partition}:s3:::${Bucket}/${ScanKeyPrefix}*": OWN_KEYS,
    "${ScanBucket.Arn}/*": OWN_KEYS + ", and Prowler uploads its other formats under other keys than `ScanKeyPrefix`",
    "${ScanBucket.Arn}/*test-prowler-connection.txt": "Prowler writes its test object next to its scans, under a key that the uploader chooses",
    "${StateBucket.Arn}/runs/*": "has the reports of each run, under the ID of the run",
    "${StateBucket.Arn}/state/*": "has one object per account and Region",
    "arn:${AWS::Partition}:iam::*:role/${MemberRoleNamePattern}": NEW_ACCOUNTS,
    "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${SecretNamePrefix}*":
        "operators name the secrets, and Secrets Manager adds random characters to the name",
    "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${SecretNamePrefix}managed/*":
        "each access key has a secret of its own, with a random name",
    "arn:${AWS::Partition}:securityhub:*:*:product/prowler/prowler":
        EVERY_REGION + "; the ARN of a product has no account, and `securityhub:TargetAccount` limits the statement to one account",
    "arn:${AWS::Partition}:securityhub:*:${AWS::AccountId}:product-subscription/prowler/prowler": EVERY_REGION,
    "arn:${AWS::Partition}:securityhub:*:${AWS::AccountId}:hub/default": EVERY_REGION,
    "arn:${AWS::Partition}:iam::*:role/${ScanRoleName}": NEW_ACCOUNTS,
    "arn:${AWS::Partition}:s3:::${ScanBucketName}/${ScanKeyPrefix}*": "each scan has a key of its own",
    "arn:${AWS::Partition}:apigateway:*::/apis/*": "Prowler reads every API",
    "arn:${AWS::Partition}:apigateway:*::/domainnames": "Prowler reads every Region",
    "arn:${AWS::Partition}:apigateway:*::/domainnames/*": "Prowler reads every domain name",
    "arn:${AWS::Partition}:apigateway:*::/restapis/*": "Prowler reads every API",
}  # fmt: skip
# Statements whose actions have resources, all of which they are for; their actions may have wildcards.
WHOLE_ACCOUNT = {"ReadConfiguration": "Prowler reads the configuration of every resource; none of the actions changes one"}


@dataclass(frozen=True)
class Wildcard:
    """A wildcard in the resources of a statement, or in its actions."""

    # The logical ID of the role or policy, and the Sid.
    statement: tuple[str, str]
    actions: tuple[str, ...]
    # The ARN, or the action.
    pattern: str


def found(templates: dict[str, dict]) -> list[Wildcard]:
    """Every wildcard in the statements of templates that allow something."""
    wildcards = []
    for template in templates.values():
        for name, resource in template["Resources"].items():
            for statement in _allowing(resource):
                actions = tuple(_texts(statement["Action"]))
                patterns = [text for text in [*_texts(statement["Resource"]), *actions] if "*" in text]
                wildcards += [Wildcard((name, statement["Sid"]), actions, pattern) for pattern in patterns]
    return wildcards


def reason(wildcard: Wildcard) -> str | None:
    """Why no narrower pattern does, or None."""
    whole = WHOLE_ACCOUNT.get(wildcard.statement[1])
    if whole or wildcard.pattern != "*":
        return REASONS.get(wildcard.pattern, whole)
    if any(_resource_types(action) for action in wildcard.actions):
        return None
    return f"{', '.join(f'`{action}`' for action in wildcard.actions)}: no resources"


def section(wrong: list[str], templates: dict[str, dict] | None = None) -> list[str]:
    """The lines of the page. Wildcards without a reason, and reasons without a wildcard, are added to `wrong`."""
    if templates is None:
        templates = {name: yaml_parse((ROOT / name).read_text()) for name in TEMPLATES}
    rows: dict[tuple[str, str], list[str]] = {}
    wildcards = found(templates)
    for wildcard in wildcards:
        why = reason(wildcard)
        where = ", ".join(wildcard.statement)
        if why is None:
            wrong.append(f"{where}: {wildcard.pattern} can be narrower, or needs a reason in local/wildcards.py")
        elif wildcard.pattern not in wildcard.actions:
            statements = rows.setdefault((wildcard.pattern, why), [])
            statements += [f"`{where}`"] if f"`{where}`" not in statements else []
    patterns, names = {wildcard.pattern for wildcard in wildcards}, {wildcard.statement[1] for wildcard in wildcards}
    unused = sorted(REASONS.keys() - patterns) + sorted(WHOLE_ACCOUNT.keys() - names)
    wrong += [f"{name} has a reason in local/wildcards.py, and no wildcard" for name in unused]
    return [
        "## Wildcards", "",
        "Statements of the templates that allow something, with a wildcard in their resources, and why a narrower ARN is not enough.", "",
        "| resource | statements | reason |", "| --- | --- | --- |",
        *(f"| `{pattern}` | {', '.join(statements)} | {why} |" for (pattern, why), statements in rows.items()), "",
    ]  # fmt: skip


def _allowing(node) -> Iterator[dict]:
    """The statements in a resource that allow actions on resources, in conditions too. Trust policies name no resource."""
    if isinstance(node, dict):
        if node.get("Effect") == "Allow" and "Resource" in node:
            yield node
        else:
            for part in node.values():
                yield from _allowing(part)
    elif isinstance(node, list):
        for part in node:
            yield from _allowing(part)


def _texts(node) -> Iterator[str]:
    """The texts of a value, in both branches of a condition. References have none."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for part in node:
            yield from _texts(part)
    elif "Fn::Sub" in node:
        yield node["Fn::Sub"] if isinstance(node["Fn::Sub"], str) else node["Fn::Sub"][0]
    elif "Fn::If" in node:
        yield from _texts(node["Fn::If"][1:])


def _resource_types(action: str) -> list[str]:
    """The resource types of an action, by cfn-lint's data."""
    service, name = action.lower().split(":")
    return _policies()[service]["Actions"][name].get("Resources", [])


@cache
def _policies() -> dict:
    return json.loads(resources.files("cfnlint.data.AdditionalSpecs").joinpath("Policies.json").read_text())
