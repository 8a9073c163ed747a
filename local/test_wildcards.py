"""A wildcard without a reason is found, and so is a reason without a wildcard."""

from __future__ import annotations

import unittest

import wildcards
from wildcards import Wildcard


def template(action, resource, effect: str = "Allow", sid: str = "S") -> dict[str, dict]:
    """A template whose role has one statement."""
    statement = {"Sid": sid, "Effect": effect, "Action": action, "Resource": resource}
    condition = {"Fn::If": ["Condition", statement, {"Ref": "AWS::NoValue"}]}
    return {"t.yaml": {"Resources": {"Role": {"Properties": {"Policies": [{"PolicyDocument": {"Statement": [condition]}}]}}}}}


def without_reason(action, resource, **more) -> list[str]:
    wrong: list[str] = []
    wildcards.section(wrong, template(action, resource, **more))
    return [line for line in wrong if "can be narrower" in line]


class Wildcards(unittest.TestCase):
    def test_the_templates_have_wildcards_and_each_has_a_reason(self) -> None:
        wrong: list[str] = []
        lines = wildcards.section(wrong)
        self.assertEqual(wrong, [])
        self.assertGreater(len(lines), 10)

    def test_a_star_is_right_if_no_action_has_resources(self) -> None:
        self.assertEqual(without_reason(["ec2:DescribeRegions"], "*"), [])

    def test_a_star_for_an_action_that_has_resources_is_wrong(self) -> None:
        self.assertEqual(len(without_reason(["ec2:DescribeRegions", "securityhub:GetFindings"], "*")), 1)

    def test_a_pattern_without_a_reason_is_wrong_in_lists_and_conditions(self) -> None:
        sub = {"Fn::Sub": ["arn:aws:s3:::${Bucket}/*", {"Bucket": {"Ref": "B"}}]}
        self.assertEqual(len(without_reason("s3:GetObject", [sub, {"Fn::If": ["C", {"Fn::Sub": "${A}/*"}, {"Ref": "B"}]}])), 2)

    def test_a_wildcard_in_an_action_is_wrong(self) -> None:
        self.assertEqual(len(without_reason("s3:Get*", {"Fn::GetAtt": ["Bucket", "Arn"]})), 1)

    def test_a_deny_and_an_exact_resource_need_no_reason(self) -> None:
        self.assertEqual(without_reason("s3:*", "*", effect="Deny"), [])
        self.assertEqual(without_reason("s3:GetObject", {"Fn::GetAtt": ["Bucket", "Arn"]}), [])

    def test_a_reason_without_a_wildcard_is_wrong(self) -> None:
        wrong: list[str] = []
        wildcards.section(wrong, template("ec2:DescribeRegions", "*"))
        self.assertEqual(len(wrong), len(wildcards.REASONS) + len(wildcards.WHOLE_ACCOUNT))

    def test_only_a_named_statement_is_for_the_whole_account(self) -> None:
        for sid, is_right in (("ReadConfiguration", True), ("Other", False)):
            self.assertEqual(wildcards.reason(Wildcard(("Role", sid), ("lambda:GetFunction",), "*")) is not None, is_right)


if __name__ == "__main__":
    unittest.main()
