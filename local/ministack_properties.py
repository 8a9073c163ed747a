"""Properties of resources that ministack's CloudFormation ignores, and fields that its responses lack, so that a scanner sees what the template says.

Used by ministack_enforced.py. The values go through ministack's own APIs, and have no further effect: nothing expires, and nothing is encrypted.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, tostring

from ministack.services import cloudwatch, dynamodb, s3, sns
from ministack.services.cloudformation import provisioners


def lifecycle_xml(configuration: dict) -> bytes:
    """AWS::S3::Bucket LifecycleConfiguration as S3's API has it."""
    root = Element("LifecycleConfiguration")
    for rule in configuration["Rules"]:
        part = SubElement(root, "Rule")
        _children(part, {"ID": rule["Id"], "Status": rule["Status"]})
        _children(SubElement(part, "Filter"), {"Prefix": rule.get("Prefix", "")})
        if "ExpirationInDays" in rule:
            _children(SubElement(part, "Expiration"), {"Days": rule["ExpirationInDays"]})
        if "NoncurrentVersionExpiration" in rule:
            _children(SubElement(part, "NoncurrentVersionExpiration"), rule["NoncurrentVersionExpiration"])
        if "AbortIncompleteMultipartUpload" in rule:
            _children(SubElement(part, "AbortIncompleteMultipartUpload"), rule["AbortIncompleteMultipartUpload"])
    return tostring(root)


def encryption_xml(configuration: dict) -> bytes:
    """AWS::S3::Bucket BucketEncryption as S3's API has it."""
    root = Element("ServerSideEncryptionConfiguration")
    for rule in configuration["ServerSideEncryptionConfiguration"]:
        part = SubElement(root, "Rule")
        _children(SubElement(part, "ApplyServerSideEncryptionByDefault"), rule["ServerSideEncryptionByDefault"])
        _children(part, {"BucketKeyEnabled": str(rule.get("BucketKeyEnabled", False)).lower()})
    return tostring(root)


def _children(parent: Element, texts: dict) -> None:
    for name, text in texts.items():
        SubElement(parent, name).text = str(text)


def apply_to_table(name: str, properties: dict) -> None:
    """Applies point-in-time recovery and encryption to a table."""
    dynamodb._update_continuous_backups({"TableName": name} | properties)
    if "SSESpecification" in properties:
        specification = properties["SSESpecification"]
        request = specification | {"Enabled": specification["SSEEnabled"]}
        dynamodb._tables[name]["SSEDescription"] = dynamodb._sse_description_from_spec(request)


def apply_to_topic(arn: str, properties: dict) -> None:
    """Applies the key to a topic."""
    if "KmsMasterKeyId" in properties:
        sns._topics[arn]["attributes"]["KmsMasterKeyId"] = properties["KmsMasterKeyId"]


def applying(handler: dict, apply_to) -> dict:
    """The handler of a resource type, which also applies more properties to what it creates."""

    def create(logical_id, properties, stack_name):
        name, attributes = handler["create"](logical_id, properties, stack_name)
        apply_to(name, properties)
        return name, attributes

    return handler | {"create": create}


def with_alarm_actions(describe):
    """DescribeAlarms whose response in XML has the actions of the alarms."""

    def describing(*arguments, **named):
        status, headers, body = describe(*arguments, **named)
        if b"<DescribeAlarmsResponse" in body:
            for alarm in cloudwatch._alarms.values():
                arn = f"<AlarmArn>{alarm['AlarmArn']}</AlarmArn>"
                actions = "".join(f"<member>{action}</member>" for action in alarm["AlarmActions"])
                fields = f"<ActionsEnabled>{str(alarm['ActionsEnabled']).lower()}</ActionsEnabled><AlarmActions>{actions}</AlarmActions>"
                body = body.replace(arn.encode(), (arn + fields).encode())
        return status, headers, body

    return describing


def apply() -> None:
    """Applies all of it to ministack, in this process."""
    provisioners._S3_BUCKET_CONFIGURATIONS += (
        ("LifecycleConfiguration", lifecycle_xml, s3._put_bucket_lifecycle, s3._delete_bucket_lifecycle),
        ("BucketEncryption", encryption_xml, s3._put_bucket_encryption, s3._delete_bucket_encryption),
    )
    handlers = provisioners._RESOURCE_HANDLERS
    for kind, apply_to in (("AWS::DynamoDB::Table", apply_to_table), ("AWS::SNS::Topic", apply_to_topic)):
        handlers[kind] = applying(handlers[kind], apply_to)
    cloudwatch._describe_alarms = with_alarm_actions(cloudwatch._describe_alarms)
