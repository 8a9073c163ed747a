"""Checks the templates as CloudFormation gets them: transformed, in Regions of every partition.

    python local/templates.py

Run by `make check`. The SAM transform adds resources that a linter of the source never sees, and resource types and their
properties differ by Region. A match that is not among KNOWN fails, and so does one of KNOWN that is not found any more.
"""

from __future__ import annotations

import copy
import json
import logging
import sys

import boto3
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from cfnlint.helpers import REGIONS as ALL_REGIONS
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from settings import ROOT

# All four partitions; a Region that has everything, newer ones, and some without a resource type.
REGIONS = ["us-east-1", "eu-south-2", "mx-central-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1"]
TEMPLATES = ["template.yaml", "deploy/member-role.yaml", "deploy/prowler-scan.yaml", "deploy/prowler-scan-role.yaml"]
URL = "AWS::Lambda::Url"
# The Function URL has a condition, and the rule FunctionUrlIsAvailable rejects that condition in these Regions; cfn-lint
# evaluates no such rule.
NO_URL = {(region, "E3006", "ManageIntegrationsUrl") for region in ("mx-central-1", "us-gov-west-1")}
# A queue holds what is in transit and is deleted with its stack, which is CloudFormation's default.
QUEUES = ("ExportQueue", "ExportDeadLetterQueue", "CheckQueue", "CheckDeadLetterQueue")
KNOWN = {
    "template.yaml": NO_URL | {(region, "I3011", queue) for region in REGIONS for queue in QUEUES},
    # CodeBuild is not in every Region; see docs/guide.md.
    "deploy/prowler-scan.yaml": {("mx-central-1", "E3006", "Project")},
}
# The resource type is listed, but the AWS China guide for Lambda says that Function URLs are not available.
LISTED_WITHOUT_URL = {"cn-north-1"}
# Inline policies of a role together, without whitespace (IAM User Guide, "IAM and AWS STS quotas").
POLICY_CHARACTERS_MAX = 10_240
# An ARN of a function or a secret, with names as long as they may be.
REFERENCE_CHARACTERS = 160
# Partitions that the product does not know; no Region of them is in its data.
OTHER_PARTITIONS = ("us-iso", "eu-iso")


def transformed(template: dict, region: str) -> dict:
    """The result of the SAM transform of a template whose code `sam deploy` has uploaded."""
    template = copy.deepcopy(template)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = f"s3://deployments/{resource['Metadata']['BuildProperties']['Binary']}"
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region))
    return translator.translate(template, {})


def found(template: dict, region: str) -> dict[tuple[str, str, str], str]:
    """What cfn-lint finds in a template in one Region, informational rules included: Region, rule, resource; and the message."""
    text = json.dumps(transformed(template, region), indent=1)
    matches = lint(text, config=ManualArgs(regions=[region], include_checks=["E", "W", "I"]))
    return {(region, match.rule.id, str(list(match.path)[1] if match.path else "")): match.message for match in matches}


def regions_without_urls() -> set[str]:
    """The Regions of our partitions without Function URLs."""
    ours = {region for region in ALL_REGIONS if not region.startswith(OTHER_PARTITIONS)}
    types = PROVIDER_SCHEMA_MANAGER.get_resource_types
    return {region for region in ours if URL not in types(region)} | LISTED_WITHOUT_URL


def _as_long_as_can_be(node):
    """A value of the template with all its conditions on, and the longest text that a reference to a resource may become."""
    if isinstance(node, list):
        return [_as_long_as_can_be(part) for part in node]
    if not isinstance(node, dict):
        return node
    if "Fn::If" in node:
        return _as_long_as_can_be(node["Fn::If"][1])
    if node.keys() & {"Ref", "Fn::GetAtt", "Fn::Sub", "Fn::Join"}:
        return "x" * REFERENCE_CHARACTERS
    return {key: _as_long_as_can_be(value) for key, value in node.items()}


def policy_sizes(template: dict) -> dict[str, int]:
    """The characters that IAM counts of each role's inline policies: all but whitespace."""
    sizes = {}
    for name, role in template["Resources"].items():
        if role["Type"] == "AWS::IAM::Role":
            documents = [_as_long_as_can_be(policy["PolicyDocument"]) for policy in role["Properties"]["Policies"]]
            sizes[name] = sum(len(json.dumps(document).replace(" ", "")) for document in documents)
    return sizes


def problems() -> list[str]:
    """The problems, one per line."""
    wrong = []
    for name in TEMPLATES:
        template = yaml_parse((ROOT / name).read_text())
        matches = {key: text for region in REGIONS for key, text in found(template, region).items()}
        known = KNOWN.get(name, set())
        wrong += [f"{name}: {role}: {size} characters of policies, and IAM allows {POLICY_CHARACTERS_MAX}"
                  for role, size in policy_sizes(template).items() if size > POLICY_CHARACTERS_MAX]
        wrong += [f"{name}: {' '.join(key)}: {matches[key]}" for key in sorted(matches.keys() - known)]
        wrong += [f"{name}: {' '.join(key)} is known and no longer found" for key in sorted(known - matches.keys())]
    rules = yaml_parse((ROOT / "template.yaml").read_text())["Rules"]
    listed = rules["FunctionUrlIsAvailable"]["Assertions"][0]["Assert"]["Fn::Not"][0]["Fn::Contains"][0]
    for region in sorted(set(listed) ^ regions_without_urls()):
        wrong.append(f"template.yaml: FunctionUrlIsAvailable and AWS's resource types disagree about {region}")
    return wrong


def main() -> None:
    logging.disable(logging.WARNING)
    wrong = problems()
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{' and '.join(TEMPLATES)}: as expected in {', '.join(REGIONS)}")


if __name__ == "__main__":
    main()
