//! Tests of what a scan proves, depending on its entries and on how it was read.

use std::sync::Arc;

use asff::{AccountId, CheckId, Location, RegionName};
use jiff::Timestamp;

use super::*;
use crate::model::integration::ArchiveScope;
use crate::report::unproven;
use crate::state::fingerprint;

const ACCOUNT: &str = "123456789012";

fn account() -> AccountId {
    ACCOUNT.parse().unwrap()
}

fn region(name: &str) -> RegionName {
    name.parse().unwrap()
}

fn check(name: &str) -> CheckId {
    name.parse().unwrap()
}

fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(hour * 3600).unwrap()
}

fn whole() -> Reading {
    Reading { scope: ArchiveScope::Full, is_complete: true, has_end: true, partial_scan_percent: 50, last_whole: None }
}

/// A scan with two S3 checks in two Regions, and one EC2 check in one Region.
fn evidence() -> Evidence {
    let mut evidence = Evidence::default();
    for (name, place) in [
        ("s3_bucket_public_access", "eu-west-1"),
        ("s3_bucket_public_access", "us-east-1"),
        ("s3_bucket_default_encryption", "us-east-1"),
        ("ec2_instance_public_ip", "eu-west-1"),
    ] {
        evidence.record_verdict(&check(name), region(place), at(1));
    }
    evidence
}

fn proof(evidence: Evidence, locations: &[Location], reading: Reading) -> Proof {
    let mut malformed = MalformedEntries::default();
    locations.iter().for_each(|location| malformed.add(location));
    Proof::new(account(), evidence, Arc::new(malformed), reading)
}

fn judge(proof: &Proof, name: &str, place: &str) -> Absence {
    proof.judge(fingerprint(name), service(name), region(place))
}

#[test]
fn a_check_with_results_in_the_region_proves_absence() {
    let proof = proof(evidence(), &[], whole());
    assert_eq!(judge(&proof, "s3_bucket_public_access", "eu-west-1"), Absence::Proven);
}

#[test]
fn other_checks_of_the_region_and_service_make_a_finding_absent() {
    let proof = proof(evidence(), &[], whole());
    assert_eq!(judge(&proof, "s3_bucket_default_encryption", "eu-west-1"), Absence::Absent);
    assert_eq!(judge(&proof, "s3_bucket_never_seen", "eu-west-1"), Absence::Absent);
    assert_eq!(
        judge(&proof, "ec2_instance_public_ip", "us-east-1"),
        Absence::Absent,
        "EC2 has results in another Region"
    );
}

#[test]
fn a_region_or_service_without_results_proves_nothing() {
    let proof = proof(evidence(), &[], whole());
    let judged = |name, place| judge(&proof, name, place);
    assert_eq!(judged("s3_bucket_public_access", "sa-east-1"), Absence::Unproven(unproven::NO_REGION_RESULTS));
    assert_eq!(judged("iam_root_mfa_enabled", "us-east-1"), Absence::Unproven(unproven::NO_SERVICE_RESULTS));
}

#[test]
fn a_manual_check_proves_nothing_in_its_scope() {
    let mut evidence = evidence();
    evidence.record_manual(&check("s3_bucket_public_access"), ManualFor::Account);
    evidence.record_manual(&check("ec2_instance_public_ip"), ManualFor::Region(region("us-east-1")));
    let proof = proof(evidence, &[], whole());
    for place in ["eu-west-1", "us-east-1"] {
        let judged = judge(&proof, "s3_bucket_public_access", place);
        assert_eq!(judged, Absence::Unproven(unproven::MANUAL_CHECK), "{place}");
    }
    let ec2 = |place| judge(&proof, "ec2_instance_public_ip", place);
    assert_eq!(ec2("us-east-1"), Absence::Unproven(unproven::MANUAL_CHECK));
    assert_eq!(ec2("eu-west-1"), Absence::Proven);
}

#[test]
fn a_manual_entry_is_not_a_verdict() {
    let mut evidence = evidence();
    evidence.record_manual(&check("iam_root_mfa_enabled"), ManualFor::Region(region("sa-east-1")));
    let proof = proof(evidence, &[], whole());
    let judged = judge(&proof, "s3_bucket_public_access", "sa-east-1");
    assert_eq!(judged, Absence::Unproven(unproven::NO_REGION_RESULTS));
}

#[test]
fn a_malformed_entry_blocks_proof_only_in_its_possible_scope() {
    let name = "s3_bucket_public_access";
    let location = |account: Option<&str>, region_name: Option<&str>, name: Option<&str>| Location {
        account: account.map(|account| account.parse().unwrap()),
        region: region_name.map(region),
        check_id: name.map(check),
    };
    let blocks = |location: Location| {
        let proof = proof(evidence(), &[location], whole());
        judge(&proof, name, "eu-west-1") == Absence::Unproven(unproven::MALFORMED_ENTRIES)
    };
    assert!(blocks(location(None, None, None)));
    assert!(blocks(location(Some(ACCOUNT), None, None)));
    assert!(blocks(location(Some(ACCOUNT), Some("eu-west-1"), Some(name))));
    assert!(blocks(location(None, None, Some(name))));
    assert!(!blocks(location(Some("210987654321"), None, None)));
    assert!(!blocks(location(Some(ACCOUNT), Some("us-east-1"), None)));
    assert!(!blocks(location(None, Some("eu-west-1"), Some("ec2_instance_public_ip"))));
}

#[test]
fn a_file_without_an_end_requires_repeated_absence() {
    let proof = proof(evidence(), &[], Reading { has_end: false, ..whole() });
    assert_eq!(judge(&proof, "s3_bucket_public_access", "eu-west-1"), Absence::Absent);
}

#[test]
fn a_truncated_file_or_one_of_several_scans_proves_nothing() {
    let proof_of = |evidence, is_complete| proof(evidence, &[], Reading { is_complete, ..whole() });
    let name = "s3_bucket_public_access";
    let truncated = proof_of(evidence(), false);
    assert_eq!(judge(&truncated, name, "eu-west-1"), Absence::Unproven(unproven::FILE_TRUNCATED));
    let mut several = evidence();
    several.record_verdict(&check(name), region("eu-west-1"), at(2));
    let several = proof_of(several, true);
    assert_eq!(judge(&several, name, "eu-west-1"), Absence::Unproven(unproven::SEVERAL_SCAN_TIMES));
    assert!(several.as_whole_scan(at(2), true).is_none());
}

#[test]
fn a_scan_with_less_than_half_of_the_last_whole_one_looks_partial() {
    let last = |verdicts, checks| Some(ScanSize { scanned_at: at(0), verdicts, checks });
    let partial = |last_whole, partial_scan_percent| {
        let proof = proof(evidence(), &[], Reading { last_whole, partial_scan_percent, ..whole() });
        let judged = judge(&proof, "s3_bucket_public_access", "eu-west-1");
        let is_partial = proof.partial().is_some();
        assert_eq!(is_partial, judged == Absence::Unproven(unproven::PARTIAL_SCAN));
        assert_eq!(
            (proof.as_whole_scan(at(1), false).is_some(), proof.as_whole_scan(at(1), true).is_some()),
            (!is_partial, true)
        );
        is_partial
    };
    assert!(!partial(last(8, 6), 50), "half is not less than half");
    assert!(partial(last(9, 3), 50), "verdicts");
    assert!(partial(last(4, 7), 50), "checks");
    assert!(!partial(last(9, 7), 0), "0 turns it off");
    assert!(partial(last(5, 3), 90));
}

#[test]
fn a_partial_scope_covers_only_checks_and_regions_with_results() {
    let reading = Reading { scope: ArchiveScope::Partial, last_whole: None, ..whole() };
    let proof_of = |reading| proof(evidence(), &[], reading);
    let partial = proof_of(reading);
    assert_eq!(judge(&partial, "s3_bucket_public_access", "eu-west-1"), Absence::Proven);
    assert_eq!(judge(&partial, "s3_bucket_default_encryption", "eu-west-1"), Absence::OutOfScope);
    assert_eq!(judge(&partial, "iam_root_mfa_enabled", "sa-east-1"), Absence::OutOfScope);
    let no_end = proof_of(Reading { has_end: false, ..reading });
    assert_eq!(judge(&no_end, "s3_bucket_public_access", "eu-west-1"), Absence::Unproven(unproven::NO_FILE_END));
    let measured = Some(ScanSize { scanned_at: at(0), verdicts: 1000, checks: 100 });
    assert!(proof_of(Reading { last_whole: measured, ..reading }).partial().is_none());
}

#[test]
fn an_observed_scope_does_not_judge_absent_findings() {
    let proof = proof(evidence(), &[], Reading { scope: ArchiveScope::Observed, ..whole() });
    assert_eq!(judge(&proof, "s3_bucket_public_access", "eu-west-1"), Absence::OutOfScope);
}
