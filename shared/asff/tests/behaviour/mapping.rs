//! The mapping of single fields, and the reasons for which findings are quarantined.

use asff::{Location, Manual, ManualSubject, Mapped, Outcome, QuarantineCode, RawStatus, SeverityLabel, Skip, Status};
use serde_json::{Value, json};

use crate::support::{encoded, finding_of, outcome_of, quarantined, set, with, without};

#[test]
fn a_muted_finding_is_a_warning_regardless_of_its_result() {
    for (code, raw) in [("PASS", RawStatus::Pass), ("FAIL", RawStatus::Fail)] {
        let mut entry = with("/status_id", 3);
        set(&mut entry, "/status", "Suppressed");
        set(&mut entry, "/status_code", code);
        let mapped = finding_of(&entry);
        assert_eq!((mapped.status, mapped.raw_status, mapped.muted), (Status::Warning, Some(raw), true));
        assert_eq!(encoded(&mapped)["Compliance"]["Status"], "WARNING");
    }
    let mut manual = with("/status_id", 3);
    set(&mut manual, "/status_code", "MANUAL");
    assert!(manual_of(&manual).unsent.is_some());
}

#[test]
fn a_manual_check_names_its_finding_if_known() {
    let sent = finding_of(&with("/status_code", "FAIL"));
    let manual = manual_of(&with("/status_code", "manual"));
    assert_eq!(manual.subject, ManualSubject::Resource);
    assert_eq!(manual.location, location(&sent));
    let unsent = manual.unsent.unwrap();
    assert_eq!((&unsent.id, unsent.region, unsent.account), (&sent.finding.id, sent.region, sent.account));
    assert_eq!((&unsent.check_id, unsent.resource_hash), (&sent.check_id, sent.resource_hash));
    assert_eq!((unsent.partition, unsent.scanned_at), (sent.partition, sent.scanned_at));
    for (pointer, wrong, subject, known) in [
        ("/resources/0/uid", json!(""), ManualSubject::Account, [true, true, true]),
        ("/cloud/account/uid", json!("x"), ManualSubject::Resource, [false, true, true]),
        ("/resources", json!([]), ManualSubject::Account, [true, true, true]),
        ("/cloud/region", json!("Mars 1"), ManualSubject::Resource, [true, false, true]),
        ("/metadata", Value::Null, ManualSubject::Resource, [true, true, false]),
    ] {
        let mut entry = with("/status_code", "MANUAL");
        set(&mut entry, pointer, wrong);
        let manual = manual_of(&entry);
        assert_eq!((manual.unsent, manual.subject), (None, subject), "{pointer}");
        let Location { account, region, check_id } = manual.location;
        assert_eq!([account.is_some(), region.is_some(), check_id.is_some()], known, "{pointer}");
    }
}

#[test]
fn a_manual_check_is_about_its_account_region_or_resource() {
    for (uid, subject) in [
        ("123456789012", ManualSubject::Account),
        ("arn:aws:iam::123456789012:root", ManualSubject::Account),
        ("arn:aws:logs:eu-west-1:123456789012:log-group", ManualSubject::Account),
        ("arn:aws:bedrock:eu-west-1:123456789012:agent/unknown", ManualSubject::Region),
        ("arn:aws:s3:::bucket", ManualSubject::Resource),
    ] {
        let mut entry = with("/status_code", "MANUAL");
        set(&mut entry, "/resources/0/uid", uid);
        let manual = manual_of(&entry);
        assert_eq!((manual.subject, manual.unsent.is_some()), (subject, true), "{uid}");
    }
}

#[test]
fn an_unmappable_entry_names_its_account_region_and_check_if_known() {
    let sent = location(&finding_of(&with("/status_code", "FAIL")));
    for (pointer, wrong) in [
        ("/severity", json!("Unknown")),
        ("/status_code", json!("")),
        ("/resources", json!([])),
        ("/finding_info", json!([7])),
        ("/resources/0/labels", json!({"a": 1})),
        ("/status_detail", json!(7)),
    ] {
        assert_eq!(quarantined(&with(pointer, wrong)).location(), sent, "{pointer}");
    }
    for wrong in [json!(7), json!(["us-east-1"]), json!("Mars")] {
        let location = quarantined(&with("/cloud/region", wrong.clone())).location();
        assert_eq!(location, Location { region: None, ..sent.clone() }, "{wrong}");
    }
    let contradictory = quarantined(&with("/resources/0/cloud_partition", "aws-cn"));
    assert_eq!((contradictory.region, contradictory.location().region), (sent.region, None));
}

fn location(mapped: &Mapped) -> Location {
    Location { account: Some(mapped.account), region: Some(mapped.region), check_id: Some(mapped.check_id.clone()) }
}

fn manual_of(entry: &Value) -> Manual {
    match outcome_of(entry) {
        Outcome::Skipped(Skip::Manual(manual)) => *manual,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_severity_has_its_label() {
    for (word, label) in [
        ("Critical", SeverityLabel::Critical),
        ("High", SeverityLabel::High),
        ("Medium", SeverityLabel::Medium),
        ("Low", SeverityLabel::Low),
        ("Informational", SeverityLabel::Informational),
    ] {
        assert_eq!(finding_of(&with("/severity", word)).severity, label);
    }
    assert_eq!(quarantined(&with("/severity", "Unknown")).code, QuarantineCode::InvalidField);
}

#[test]
fn arns_have_the_partition_and_only_known_ones_are_in_the_resource() {
    for (partition, region, named) in [
        ("aws", "me-west-1", true),
        ("aws-cn", "cn-northwest-1", true),
        ("aws-us-gov", "us-gov-west-1", true),
        ("aws-eusc", "eusc-de-east-1", false),
    ] {
        let mut entry = with("/resources/0/cloud_partition", partition);
        set(&mut entry, "/resources/0/region", region);
        set(&mut entry, "/cloud/region", region);
        let finding = encoded(&finding_of(&entry));
        let arn = format!("arn:{partition}:securityhub:{region}::product/prowler/prowler");
        assert_eq!(finding["ProductArn"], arn);
        assert_eq!(finding["Resources"][0].get("Partition"), named.then(|| json!(partition)).as_ref());
        assert_eq!(finding["Resources"][0]["Region"], region);
    }
}

#[test]
fn an_unrepairable_finding_is_quarantined_with_its_reason() {
    let cases: [(Value, QuarantineCode); 13] = [
        (with("/cloud/region", "mars-north-1"), QuarantineCode::UnknownRegion),
        (with("/cloud/region", "no Region at all"), QuarantineCode::UnknownRegion),
        (with("/resources/0/cloud_partition", "aws-cn"), QuarantineCode::PartitionMismatch),
        (with("/resources/0/cloud_partition", "aws-iso"), QuarantineCode::UnknownPartition),
        (with("/cloud/account/uid", "1234"), QuarantineCode::InvalidAccount),
        (without("/cloud/account/uid"), QuarantineCode::MissingField),
        (without("/metadata/event_code"), QuarantineCode::MissingField),
        (without("/resources/0/uid"), QuarantineCode::MissingField),
        (without("/status_code"), QuarantineCode::MissingField),
        (with("/status_code", "MAYBE"), QuarantineCode::InvalidField),
        (with("/resources/0/uid", json!(["a"])), QuarantineCode::InvalidField),
        (with("/finding_info/created_time", "yesterday"), QuarantineCode::InvalidField),
        (with("/class_uid", 2003), QuarantineCode::NotAScanResult),
    ];
    let mut messages = String::new();
    for (mut entry, code) in cases {
        if code == QuarantineCode::InvalidField {
            entry.as_object_mut().unwrap().remove("time");
            entry.as_object_mut().unwrap().remove("time_dt");
            entry["finding_info"].as_object_mut().unwrap().remove("created_time_dt");
        }
        let entry = quarantined(&entry);
        assert_eq!(entry.code, code, "{}", entry.message);
        messages.push_str(&format!("{code}: {}\n", entry.message));
    }
    insta::assert_snapshot!(messages);
}

#[test]
fn a_quarantined_entry_has_only_the_tags_of_the_resource_data() {
    let mut entry = with("/cloud/region", "mars-north-1");
    set(&mut entry, "/resources/0/data/metadata/environment", json!({"PASSWORD": "hunter2}\""}));
    let entry = quarantined(&entry);
    let text = std::str::from_utf8(&entry.element).unwrap();
    assert!(!text.contains("hunter2") && text.contains(r#""data":{"metadata":{"tags":[{"Key":"fn","Value":"1"}]}}"#));
    let mut again: Value = serde_json::from_str(text).unwrap();
    set(&mut again, "/cloud/region", "eu-west-1");
    assert_eq!(finding_of(&again).region.as_str(), "eu-west-1");
}

#[test]
fn a_finding_never_contains_resource_data() {
    let mut entry = with("/resources/0/data/metadata/environment", json!({"PASSWORD": "hunter2"}));
    set(&mut entry, "/resources/0/data/details", "hunter2");
    set(&mut entry, "/resources/0/labels", json!(["a:b:c"]));
    assert!(!encoded(&finding_of(&entry)).to_string().contains("hunter2"));
}

#[test]
fn findings_of_other_clouds_are_skipped_with_their_name() {
    let mut kubernetes = without("/cloud");
    set(&mut kubernetes, "/resources/0/namespace", "default");
    for (entry, name) in [(with("/cloud/provider", "azure"), "azure"), (kubernetes, "kubernetes")] {
        let mut entry = entry;
        entry["unmapped"].as_object_mut().unwrap().remove("provider");
        match outcome_of(&entry) {
            Outcome::Skipped(Skip::NotAws { provider }) => assert_eq!(provider, name),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn empty_fields_get_the_defaults_of_prowler_or_security_hub() {
    let mut entry = with("/finding_info/types", json!([]));
    set(&mut entry, "/remediation/references", json!([]));
    let finding = encoded(&finding_of(&entry));
    assert_eq!(finding["FindingProviderFields"]["Types"], json!(["Software and Configuration Checks"]));
    let url = &finding["Remediation"]["Recommendation"]["Url"];
    assert_eq!(url, "https://docs.aws.amazon.com/securityhub/latest/userguide/what-is-securityhub.html");

    let mut entry = with("/remediation/desc", "");
    set(&mut entry, "/status_detail", "");
    set(&mut entry, "/resources/0/type", "");
    let mapped = finding_of(&entry);
    let finding = encoded(&mapped);
    assert_eq!(finding["Remediation"]["Recommendation"].get("Text"), None);
    assert_eq!(finding["Description"], finding["Title"]);
    assert_eq!(finding["Resources"][0]["Type"], "Other");
    assert_eq!(mapped.repairs.len(), 3, "{:?}", mapped.repairs);
}

#[test]
fn the_last_reference_is_used_if_it_is_a_link() {
    let link = |references: Value| {
        let finding = encoded(&finding_of(&with("/remediation/references", references)));
        finding["Remediation"]["Recommendation"]["Url"].as_str().unwrap().to_owned()
    };
    assert_eq!(link(json!(["resource \"a\" {}\n", "aws s3 ls", "https://a.example/b"])), "https://a.example/b");
    assert!(link(json!(["https://a.example/b", "aws s3 ls"])).starts_with("https://docs.aws.amazon.com/"));
}

#[test]
fn times_have_prowlers_format_and_updated_at_has_milliseconds() {
    let mapped = finding_of(&with("/finding_info/created_time", 1_700_000_000));
    let finding = encoded(&mapped);
    assert_eq!(finding["CreatedAt"], "2023-11-14T22:13:20Z");
    assert_eq!(finding["FirstObservedAt"], "2023-11-14T22:13:20Z");
    assert_eq!(finding["UpdatedAt"], "2023-11-14T22:13:20.000Z");
    let mut stamps = mapped.first_stamps();
    stamps.record_state = asff::RecordState::Archived;
    stamps.updated_at = "2023-11-15T00:00:00.0019Z".parse().unwrap();
    let finding: Value = serde_json::from_slice(&mapped.encode(&stamps).unwrap()).unwrap();
    assert_eq!(
        (&finding["RecordState"], &finding["UpdatedAt"]),
        (&json!("ARCHIVED"), &json!("2023-11-15T00:00:00.001Z"))
    );
}

#[test]
fn findings_written_by_this_crate_are_read_back_unchanged() {
    let once = encoded(&finding_of(&with("/severity", "High")));
    let file = serde_json::to_vec(&json!({ "Findings": [once] })).unwrap();
    let again = crate::support::findings(file).remove(0);
    assert_eq!(encoded(&again), once);
}
