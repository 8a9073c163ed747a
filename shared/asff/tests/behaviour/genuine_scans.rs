//! Real scans in every format map to Prowler's own ASFF, except for intentional differences.

use crate::support::{encoded, findings, outcomes, plain, read, stored};
use asff::{Ending, FileRejection, Outcome, QuarantineCode, Skip};
use serde_json::{Value, json};

const SCANS: [&str; 3] = ["5.46.0-scan-1", "5.46.0-scan-2-after-fixes", "5.8.1-scan"];
/// Maximum number of standards and requirements that Prowler writes; this crate writes 32 requirements.
const PROWLER_REQUIREMENTS_MAX: usize = 20;

/// Prowler's own ASFF of a scan, with this crate's intentional changes.
fn expected(scan: &str) -> Vec<Value> {
    let bytes = plain(&format!("{scan}.asff.json.gz"));
    let mut findings: Vec<Value> = serde_json::from_slice(&bytes).unwrap();
    for finding in &mut findings {
        let fields = finding.as_object_mut().unwrap();
        let provider = json!({
            "Severity": fields.remove("Severity").unwrap(),
            "Types": fields.remove("Types").unwrap(),
        });
        fields.insert("FindingProviderFields".to_owned(), provider);
        let updated = fields["UpdatedAt"].as_str().unwrap().replace('Z', ".000Z");
        fields["UpdatedAt"] = updated.into();
    }
    findings
}

/// Collects one line for each field that differs.
fn differences(path: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(one), Value::Object(other)) => {
            let keys = one.keys().chain(other.keys().filter(|key| !one.contains_key(*key)));
            for key in keys {
                let (one, other) = (one.get(key), other.get(key));
                let null = Value::Null;
                differences(&format!("{path}.{key}"), one.unwrap_or(&null), other.unwrap_or(&null), found);
            }
        }
        _ if ours != theirs => found.push(format!("{path}: {ours} instead of {theirs}")),
        _ => {}
    }
}

/// Removes the requirements that exceed Prowler's limit of twenty, which is an intentional difference.
fn without_extra_requirements(mut finding: Value) -> Value {
    let list = finding["Compliance"]["RelatedRequirements"].as_array_mut().unwrap();
    list.truncate(PROWLER_REQUIREMENTS_MAX);
    finding
}

fn compare(scan: &str, format: &str) -> Vec<String> {
    let ours = findings(stored(&format!("{scan}.{format}.gz")));
    let expected = expected(scan);
    assert_eq!(ours.len(), expected.len(), "{scan} {format}");
    let mut found = Vec::new();
    for (ours, theirs) in ours.iter().zip(&expected) {
        assert!(ours.repairs.is_empty(), "{:?}", ours.repairs);
        differences("", &without_extra_requirements(encoded(ours)), theirs, &mut found);
    }
    found
}

#[test]
fn migrating_from_prowler_ocsf_maps_to_prowlers_asff() {
    for scan in SCANS {
        assert_eq!(compare(scan, "ocsf.json"), Vec::<String>::new(), "{scan}");
    }
}

#[test]
fn migrating_from_prowler_asff_keeps_its_ids_and_strings() {
    for scan in SCANS {
        assert_eq!(compare(scan, "asff.json"), Vec::<String>::new(), "{scan}");
    }
}

#[test]
fn migrating_from_prowler_csv_maps_to_prowlers_asff() {
    for scan in SCANS {
        assert_eq!(compare(scan, "csv"), Vec::<String>::new(), "{scan}");
    }
}

#[test]
fn fields_have_the_order_of_prowlers_own_findings() {
    let mapped = findings(stored("5.46.0-scan-1.ocsf.json.gz")).remove(0);
    let json = String::from_utf8(mapped.encode(&mapped.first_stamps()).unwrap()).unwrap();
    insta::assert_snapshot!(json);
}

#[test]
fn manual_checks_are_skipped_with_their_reason() {
    let manual = |file: &str| {
        let (outcomes, ending) = outcomes(stored(file));
        assert_eq!((outcomes.len(), ending), (1474, Ending::Complete));
        let ids = outcomes.into_iter().filter_map(|outcome| match outcome {
            Outcome::Skipped(Skip::Manual(manual)) => Some(manual.unsent.unwrap().id),
            _ => None,
        });
        ids.collect::<Vec<_>>()
    };
    let ids = manual("5.46.0-scan-1.ocsf.json.gz");
    assert_eq!(ids.len(), 2);
    assert_eq!(manual("5.46.0-scan-1.csv.gz"), ids, "both formats identify the finding");
}

#[test]
fn a_compliance_report_is_rejected_before_any_entry() {
    let (elements, ending) = read(stored("5.46.0-compliance-framework.ocsf.json.gz"));
    assert!(elements.is_empty());
    assert_eq!(ending, Ending::Rejected(FileRejection::Compliance));
}

#[test]
fn a_compliance_entry_within_a_scan_is_quarantined() {
    let scan = String::from_utf8(plain("5.8.1-scan.ocsf.json.gz")).unwrap();
    let report = String::from_utf8(plain("5.46.0-compliance-framework.ocsf.json.gz")).unwrap();
    let both = format!("{},{}", scan.trim_end().trim_end_matches(']'), &report[1..]);
    let (outcomes, ending) = outcomes(both);
    assert_eq!(ending, Ending::Complete);
    let is_quarantined = |outcome: &&Outcome| matches!(outcome, Outcome::Quarantined(entry) if entry.code == QuarantineCode::NotAScanResult);
    assert_eq!(outcomes.iter().filter(is_quarantined).count(), outcomes.len() - 357);
}
