"""Checks that the roles allowed the calls that were made with them, on a running local stack.

ministack denies what a role does not allow, and ministack_enforced.py writes that down. Security Hub, STS, EC2 and Organizations are the simulator's,
which knows no policies: each call in its log is evaluated here, by ministack's evaluator, against the policies of the deployed role, or
of deploy/member-role.yaml for the sessions of other accounts.
"""

from __future__ import annotations

import json
import urllib.request
from functools import cache
from pathlib import Path

from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document
from samcli.yamlhelper import yaml_parse

from settings import ACCOUNT, REGION, ROOT

# Operations of the simulator that are not Security Hub's, by the service in their actions.
SERVICES = {"AssumeRole": "sts", "DescribeRegions": "ec2", "ListAccounts": "organizations"}
# AWS always allows it, regardless of policies.
ALWAYS_ALLOWED = "GetCallerIdentity"
MEMBER_ROLE = "SecurityHubExporter"


def denied(decisions: Path, stack) -> list[str]:
    """The calls of functions that their roles do not allow, a line each."""
    lines = decisions.read_text().splitlines() if decisions.exists() else []
    wrong = [each for each in map(json.loads, lines) if each["decision"] != "Allow"]
    wrong += _denied_by_policies(stack)
    return sorted({f"{each['principal']}: {each['action']} on {each['resource']}: {each['decision']}" for each in wrong})


def _denied_by_policies(stack) -> list[dict[str, str]]:
    with urllib.request.urlopen(f"{stack.servers[0].url}/_simulator/calls") as answer:
        calls = json.load(answer)
    policies = _Policies(stack)
    wrong = []
    for call in {json.dumps(_request(call)): _request(call) for call in calls if _is_of_a_session(call)}.values():
        statements = policies.of(call["principal"])
        context = EvalContext(
            call["principal"], "AssumedRole", call["account"], call["action"], call["resource"], call["region"],
            secure_transport=True, service_context=call["context"],
        )  # fmt: skip
        decision = evaluate(context, statements).decision if statements is not None else "no such role"
        if decision != "Allow":
            wrong.append(call | {"decision": decision})
    return wrong


def _is_of_a_session(call: dict) -> bool:
    return ":assumed-role/" in (call["caller"] or "") and call["operation"] != ALWAYS_ALLOWED


def _request(call: dict) -> dict:
    """A call of the simulator's log as IAM sees it."""
    operation, account, region = call["operation"], call["account"], call["region"]
    service = SERVICES.get(operation, "securityhub")
    resource, context = "*", {}
    if operation == "AssumeRole":
        resource = call["role"]
    elif operation == "BatchImportFindings":
        resource, context = f"arn:aws:securityhub:{region}::product/prowler/prowler", {"securityhub:targetaccount": account}
    elif service == "securityhub":
        resource = f"arn:aws:securityhub:{region}:{account}:hub/default"
    return {"principal": call["caller"], "action": f"{service}:{operation}", "resource": resource,
            "account": account, "region": region, "context": context}


class _Policies:
    """The statements of each role that has called."""

    def __init__(self, stack) -> None:
        self.iam = stack.client("iam")
        self.of = cache(self._of)

    def _of(self, principal: str):
        account, role = principal.split(":")[4], principal.split("/")[1]
        if account != ACCOUNT and role == MEMBER_ROLE:
            return [parse_policy_document(_member_policy(account))]
        if account != ACCOUNT:
            return None
        names = self.iam.list_role_policies(RoleName=role)["PolicyNames"]
        documents = [self.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
        return [parse_policy_document(document) for document in documents]


def _member_policy(account: str) -> dict:
    """The policy of deploy/member-role.yaml in an account, with all that its parameters can allow."""
    template = yaml_parse((ROOT / "deploy" / "member-role.yaml").read_text())
    values = {"AWS::Partition": "aws", "AWS::AccountId": account, "AWS::Region": REGION}
    return _resolved(template["Resources"]["Role"]["Properties"]["Policies"][0]["PolicyDocument"], values)


def _resolved(node, values: dict[str, str]):
    if isinstance(node, list):
        return [_resolved(part, values) for part in node]
    if not isinstance(node, dict):
        return node
    if "Fn::If" in node:
        return _resolved(node["Fn::If"][1], values)
    if "Fn::Sub" in node:
        text = node["Fn::Sub"]
        for name, value in values.items():
            text = text.replace("${" + name + "}", value)
        return text
    if "Ref" in node:
        return values[node["Ref"]]
    return {key: _resolved(value, values) for key, value in node.items()}
