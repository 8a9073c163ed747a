//! Tests of the functions without I/O: the Regions to check in every partition, and the verdict for rare responses.

use asff::{AccountId, Partition, RegionName, Regions};
use jiff::Timestamp;

use super::external_id::ExternalId;
use super::region::{CheckOutcome, candidates};
use super::remediation::{RegionContext, dns_suffix};
use super::verdict::{Found, verdict};
use super::{AccountRegion, Connection, ConnectionStatus, RegionStatus};
use crate::model::integration::Integration;

fn account() -> AccountId {
    "123456789012".parse().unwrap()
}

fn name(text: &str) -> RegionName {
    text.parse().unwrap()
}

fn integration() -> Integration {
    Integration::new(account())
}

fn names(partition: Partition, integration: &Integration, opted_in: &[AccountRegion]) -> Vec<String> {
    let found = candidates(&Regions::known(), partition, integration, None, opted_in);
    found.into_iter().map(|candidate| candidate.name.to_string()).collect()
}

fn found(regions: impl IntoIterator<Item = (&'static str, CheckOutcome)>) -> Found {
    let regions = regions.into_iter().map(|(region, outcome)| (name(region), outcome)).collect();
    Found::RegionsChecked { identity: "arn:aws:iam::1:user/u".to_owned(), external_id: ExternalId::NotUsed, regions }
}

fn judged(before: Option<&Connection>, found: Found) -> Connection {
    verdict(account(), &integration(), before, found, Timestamp::UNIX_EPOCH)
}

#[test]
fn every_partition_has_its_own_regions_and_endpoints() {
    for (partition, count, first, suffix) in [
        (Partition::Aws, 34, "ap-northeast-1", "amazonaws.com"),
        (Partition::AwsCn, 2, "cn-north-1", "amazonaws.com.cn"),
        (Partition::AwsUsGov, 2, "us-gov-east-1", "amazonaws.com"),
        (Partition::AwsEusc, 1, "eusc-de-east-1", "amazonaws.eu"),
    ] {
        let names = names(partition, &integration(), &[]);
        assert_eq!((names.len(), names[0].as_str()), (count, first));
        assert_eq!(dns_suffix(partition), suffix);
        let place = RegionContext { partition, account: account(), region: name(first) };
        let remediation = place.product_not_accepted().remediation.unwrap();
        assert!(
            remediation.contains(&format!("arn:{partition}:securityhub:{first}::product/prowler/prowler")),
            "{remediation}"
        );
        let remediation = place.unreachable("no answer").remediation.unwrap();
        assert!(remediation.contains(&format!("https://securityhub.{first}.{suffix}/")), "{remediation}");
    }
}

#[test]
fn a_new_region_is_found_by_describe_regions() {
    let opted_in = [
        AccountRegion { name: name("me-west-1"), opted_in: true },
        AccountRegion { name: name("xx-new-1"), opted_in: true },
    ];
    let names = names(Partition::Aws, &integration(), &opted_in);
    assert_eq!(names.len(), 36);
    assert!(names.contains(&"me-west-1".to_owned()) && names.contains(&"xx-new-1".to_owned()));
    assert!(!names.contains(&"sa-west-1".to_owned()), "announced, and not available to any account");
}

#[test]
fn regions_that_accepted_findings_are_checked_first() {
    let before = judged(None, found([("af-south-1", CheckOutcome::Found(RegionStatus::Enabled, None))]));
    let ordered = candidates(&Regions::known(), Partition::Aws, &integration(), Some(&before), &[]);
    let place = |text: &str| ordered.iter().position(|candidate| candidate.name == name(text)).unwrap();
    assert_eq!(place("af-south-1"), 0);
    assert!(place("us-west-2") < place("ap-east-1"));
}

#[test]
fn an_endpoint_that_stores_the_probe_is_available_and_reported() {
    let place = RegionContext { partition: Partition::Aws, account: account(), region: name("eu-west-1") };
    let connection = judged(None, found([("eu-west-1", CheckOutcome::AcceptsInvalid(place.write_probe_stored()))]));
    assert_eq!(connection.status, ConnectionStatus::Connected);
    assert_eq!(connection.regions[&name("eu-west-1")].status, RegionStatus::Enabled);
    assert_eq!(connection.risks[0].reason, "write_probe_stored");
}

#[test]
fn credentials_are_invalid_if_no_expected_region_recognizes_them() {
    let place = RegionContext { partition: Partition::Aws, account: account(), region: name("eu-west-1") };
    let unknown = |is_expected| CheckOutcome::Unknown {
        message: "invalid".to_owned(),
        problem: place.region_not_opted_in(),
        is_expected,
    };
    let reason = |found| judged(None, found).problem.map(|problem| problem.reason);
    let both = found([("eu-west-1", unknown(true)), ("af-south-1", unknown(false))]);
    assert_eq!(reason(both).as_deref(), Some("credentials_invalid"));
    let never_had = found([("af-south-1", unknown(false)), ("me-south-1", unknown(false))]);
    assert_eq!(reason(never_had).as_deref(), Some("no_region_enabled"));
    let one_knows = [("eu-west-1", unknown(true)), ("us-east-1", CheckOutcome::Found(RegionStatus::Enabled, None))];
    assert_eq!(judged(None, found(one_knows)).status, ConnectionStatus::Connected);
}

#[test]
fn a_connection_of_an_older_release_can_be_read() {
    let stored = r#"{"account": "123456789012", "provider": "123456789012", "status": "connected",
        "checked_at": "2026-11-23T08:00:00Z",
        "regions": {"eu-west-1": {"status": "enabled", "since": "2026-11-23T08:00:00Z"}}}"#;
    let stored: Connection = serde_json::from_str(stored).unwrap();
    let region = &stored.regions[&name("eu-west-1")];
    assert_eq!((region.status, region.unavailable_since, region.stale_since), (RegionStatus::Enabled, None, None));
    assert!(stored.risks.is_empty() && stored.problem.is_none());
}
