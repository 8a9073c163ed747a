//! The partition of a Region that AWS opened after this release is determined from the finding, if its fields are consistent.

use asff::{Ending, Outcome, Partition, QuarantineCode};
use serde_json::{Value, json};

use crate::support::{case, encoded, finding_of, outcomes, plain, quarantined, sample, set};

/// A finding with this Region, resource UID, and partition.
fn in_region(region: &str, uid: &str, partition: Value) -> Value {
    let mut entry = sample();
    set(&mut entry, "/cloud/region", region);
    set(&mut entry, "/resources/0/region", region);
    set(&mut entry, "/resources/0/uid", uid);
    set(&mut entry, "/resources/0/cloud_partition", partition);
    entry
}

#[test]
fn field_case_a_region_opened_after_the_release_is_mapped() {
    let (outcomes, ending) = outcomes(case("region-opened-since.ocsf.json"));
    assert_eq!(ending, Ending::Complete);
    let of = |region: &str| {
        let is_there =
            |outcome: &&Outcome| matches!(outcome, Outcome::Finding(mapped) if mapped.region.as_str() == region);
        outcomes.iter().filter(is_there).count()
    };
    assert_eq!((of("eu-west-1"), of("ap-east-3"), outcomes.len()), (15, 3, 18));
}

#[test]
fn a_new_region_is_accepted_if_partition_and_arn_agree() {
    for (region, uid, partition, expected) in [
        ("ap-east-3", "arn:aws:lambda:ap-east-3:123456789012:function:f", json!("aws"), Partition::Aws),
        ("eu-south-9", "arn:aws:s3:::bucket", json!("aws"), Partition::Aws),
        ("eu-south-9", "i-0123456789", json!("aws"), Partition::Aws),
        ("eu-south-9", "arn:aws:ec2:eu-south-9:123456789012:vpc/v", Value::Null, Partition::Aws),
        ("cn-south-1", "arn:aws-cn:s3:::bucket", json!("aws-cn"), Partition::AwsCn),
        ("us-gov-south-1", "arn:aws-us-gov:s3:::bucket", json!("aws-us-gov"), Partition::AwsUsGov),
        ("eusc-de-west-1", "arn:aws-eusc:s3:::bucket", json!("aws-eusc"), Partition::AwsEusc),
    ] {
        let mapped = finding_of(&in_region(region, uid, partition));
        assert_eq!((mapped.region.as_str(), mapped.partition), (region, expected), "{uid}");
        let arn = format!("arn:{expected}:securityhub:{region}::product/prowler/prowler");
        assert_eq!(encoded(&mapped)["ProductArn"], arn);
    }
}

#[test]
fn a_new_region_that_contradicts_itself_is_quarantined() {
    for (region, uid, partition) in [
        ("ap-east-3", "arn:aws-cn:s3:::bucket", json!("aws")),
        ("ap-east-3", "arn:aws:lambda:eu-west-1:123456789012:function:f", json!("aws")),
        ("ap-east-3", "arn:aws:s3:::bucket", json!("aws-cn")),
        ("cn-south-1", "arn:aws:s3:::bucket", json!("aws")),
        ("us-gov-south-1", "arn:aws:s3:::bucket", json!("aws")),
        ("us-iso-east-1", "arn:aws:s3:::bucket", json!("aws")),
        ("mars-north-1", "arn:aws:s3:::bucket", json!("aws")),
        ("ap-east", "arn:aws:s3:::bucket", json!("aws")),
        ("ap-east-3", "bucket", Value::Null),
        ("ap-east-3", "arn:other:s3:::bucket", Value::Null),
    ] {
        let found = quarantined(&in_region(region, uid, partition));
        assert_eq!((found.code, found.location().region), (QuarantineCode::UnknownRegion, None), "{region} {uid}");
        assert!(found.location().account.is_some() && found.location().check_id.is_some());
    }
    let mut entry = in_region("ap-east-3", "arn:aws:s3:::bucket", json!("aws"));
    set(&mut entry, "/resources/0/region", "eu-west-1");
    assert_eq!(quarantined(&entry).code, QuarantineCode::UnknownRegion);
    // The partition of a known Region doesn't depend on the finding.
    let known = in_region("eu-west-1", "arn:aws-cn:s3:::bucket", json!("aws-cn"));
    assert_eq!(quarantined(&known).code, QuarantineCode::PartitionMismatch);
}

#[test]
fn a_new_region_in_asff_is_read_from_the_product_arn() {
    let mut findings: Vec<Value> = serde_json::from_slice(&plain("5.8.1-scan.asff.json.gz")).unwrap();
    findings.truncate(1);
    set(&mut findings[0], "/ProductArn", "arn:aws:securityhub:ap-east-3::product/prowler/prowler");
    set(&mut findings[0], "/Resources/0/Id", "arn:aws:s3:::bucket");
    set(&mut findings[0], "/Resources/0/Region", "ap-east-3");
    let (outcomes, _) = outcomes(serde_json::to_vec(&findings).unwrap());
    assert!(matches!(&outcomes[0], Outcome::Finding(mapped) if mapped.region.as_str() == "ap-east-3"), "{outcomes:?}");
}
