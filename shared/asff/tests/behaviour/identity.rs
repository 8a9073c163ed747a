//! Deduplication of the findings of one file.

use asff::{Deduplicator, Identity, Mapped, ResourceHash};

use crate::support::{finding_of, findings, resident_bytes, set, stored, with};

/// Two ARNs whose SHA-512 begins with the same nine digits, 6e5659beb.
const COLLIDING: [&str; 2] = ["arn:aws:s3:::bucket-165620", "arn:aws:s3:::bucket-377708"];

fn finding(uid: &str, code: &str, muted: bool) -> Mapped {
    let mut entry = with("/resources/0/uid", uid);
    set(&mut entry, "/status_code", code);
    set(&mut entry, "/status_id", if muted { 3 } else { 1 });
    finding_of(&entry)
}

#[test]
fn two_resources_whose_hashes_collide_get_different_ids() {
    let mut deduplicator = Deduplicator::new();
    let (mut first, mut second) = (finding(COLLIDING[0], "FAIL", false), finding(COLLIDING[1], "FAIL", false));
    assert_eq!(first.finding.id, second.finding.id);
    let short = first.finding.id.clone();
    assert_eq!(deduplicator.deduplicate(&mut first), Identity::First);
    assert_eq!(deduplicator.deduplicate(&mut second), Identity::Collision);
    assert_eq!(first.finding.id, short);
    let id = second.finding.id.to_string();
    assert!(id.starts_with(short.as_str()) && id.len() == short.as_str().len() + 32 - 9, "{id}");

    let mut again = finding(COLLIDING[1], "PASS", false);
    assert_eq!(deduplicator.deduplicate(&mut again), Identity::Duplicate);
    assert_eq!(again.finding.id, second.finding.id);
}

#[test]
fn a_reserved_short_id_stays_with_its_resource() {
    let earlier = finding(COLLIDING[1], "FAIL", false);
    let mut deduplicator = Deduplicator::new();
    deduplicator.reserve(&earlier);
    let (mut first, mut second) = (finding(COLLIDING[0], "FAIL", false), finding(COLLIDING[1], "PASS", false));
    assert_eq!(deduplicator.deduplicate(&mut first), Identity::Collision);
    assert_eq!(deduplicator.deduplicate(&mut second), Identity::First);
    assert_eq!(second.finding.id, earlier.finding.id);
}

#[test]
fn a_repeated_resource_is_sent_only_if_its_status_is_worse() {
    let uid = "arn:aws:s3:::a";
    let mut deduplicator = Deduplicator::new();
    let steps = [
        ("PASS", false, Identity::First),
        ("PASS", false, Identity::Duplicate),
        ("PASS", true, Identity::Worse),
        ("PASS", false, Identity::Duplicate),
        ("FAIL", false, Identity::Worse),
        ("FAIL", true, Identity::Duplicate),
        ("FAIL", false, Identity::Duplicate),
    ];
    for (code, muted, expected) in steps {
        assert_eq!(deduplicator.deduplicate(&mut finding(uid, code, muted)), expected, "{code} {muted}");
    }
    assert_eq!(deduplicator.len(), 1);
}

#[test]
fn findings_of_other_accounts_regions_or_checks_are_not_duplicates() {
    let uid = "arn:aws:s3:::a";
    let mut deduplicator = Deduplicator::new();
    assert_eq!(deduplicator.deduplicate(&mut finding(uid, "FAIL", false)), Identity::First);
    for (pointer, value) in
        [("/cloud/account/uid", "210987654321"), ("/cloud/region", "eu-west-1"), ("/metadata/event_code", "other")]
    {
        let mut entry = with("/resources/0/uid", uid);
        set(&mut entry, pointer, value);
        assert_eq!(deduplicator.deduplicate(&mut finding_of(&entry)), Identity::First, "{pointer}");
    }
}

#[test]
fn a_real_scan_has_each_finding_once() {
    let mut deduplicator = Deduplicator::new();
    for mut mapped in findings(stored("5.46.0-scan-1.ocsf.json.gz")) {
        assert_eq!(deduplicator.deduplicate(&mut mapped), Identity::First, "{}", mapped.finding.id);
    }
    assert_eq!(deduplicator.len(), 1472);
}

#[test]
fn memory_does_not_grow_beyond_fifty_megabytes_with_a_million_findings() {
    let mut mapped = finding("arn:aws:s3:::a", "FAIL", false);
    let before = resident_bytes();
    let mut deduplicator = Deduplicator::new();
    for number in 0..1_000_000_u128 {
        mapped.finding.id = format!("prowler-check-123456789012-eu-west-1-{number:09x}").parse().unwrap();
        mapped.resource_hash = ResourceHash(number << 2);
        assert_eq!(deduplicator.deduplicate(&mut mapped), Identity::First);
    }
    assert_eq!(deduplicator.len(), 1_000_000);
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 50 << 20, "{grown} bytes");
}
