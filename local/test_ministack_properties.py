"""Properties that ministack's CloudFormation ignores reach its APIs."""

from __future__ import annotations

import unittest
from unittest import mock

import ministack_properties


class Properties(unittest.TestCase):
    def test_rules_of_a_bucket_are_those_of_the_template(self) -> None:
        rule = {"Id": "Clean", "Status": "Enabled", "Prefix": "runs/", "ExpirationInDays": 90, "NoncurrentVersionExpiration": {"NoncurrentDays": 30}}
        self.assertEqual(
            ministack_properties.lifecycle_xml({"Rules": [rule]}).decode(),
            "<LifecycleConfiguration><Rule><ID>Clean</ID><Status>Enabled</Status><Filter><Prefix>runs/</Prefix></Filter><Expiration><Days>90</Days>"
            "</Expiration><NoncurrentVersionExpiration><NoncurrentDays>30</NoncurrentDays></NoncurrentVersionExpiration></Rule></LifecycleConfiguration>",
        )

    def test_the_key_of_a_bucket_is_the_one_of_the_template(self) -> None:
        rule = {"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "key"}}
        text = ministack_properties.encryption_xml({"ServerSideEncryptionConfiguration": [rule]}).decode()
        self.assertIn("<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>key</KMSMasterKeyID>", text)
        self.assertIn("<BucketKeyEnabled>true</BucketKeyEnabled>", text)

    def test_more_properties_are_applied_to_what_was_created(self) -> None:
        applied = []
        handler = ministack_properties.applying(
            {"create": lambda logical_id, properties, stack_name: (f"{stack_name}-{logical_id}", {"Arn": "a"}), "delete": None},
            lambda name, properties: applied.append((name, properties)),
        )
        self.assertEqual(handler["create"]("Table", {"P": 1}, "stack"), ("stack-Table", {"Arn": "a"}))
        self.assertEqual(applied, [("stack-Table", {"P": 1})])

    def test_alarms_in_xml_have_their_actions(self) -> None:
        alarm = {"AlarmArn": "arn:alarm", "ActionsEnabled": True, "AlarmActions": ["arn:topic"]}
        with mock.patch.object(ministack_properties.cloudwatch, "_alarms", {"alarm": alarm}):
            for before, has_actions in ((b"<DescribeAlarmsResponse><AlarmArn>arn:alarm</AlarmArn>", True), (b"<AlarmArn>arn:alarm</AlarmArn>", False)):
                _, _, body = ministack_properties.with_alarm_actions(lambda before=before: (200, {}, before))()
                expected = b"<ActionsEnabled>true</ActionsEnabled><AlarmActions><member>arn:topic</member></AlarmActions>" in body
                self.assertEqual(expected, has_actions)


if __name__ == "__main__":
    unittest.main()
