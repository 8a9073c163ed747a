//! Files that are not scan results are rejected before any element is returned, with a message that users understand.

use asff::{Ending, FileRejection};
use serde_json::json;

use crate::support::{plain, read, sample, set, stored, with};

fn rejection_of(file: impl Into<bytes::Bytes>) -> FileRejection {
    let (elements, ending) = read(file);
    assert!(elements.is_empty(), "{elements:?}");
    match ending {
        Ending::Rejected(rejection) => rejection,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_rejection_names_the_file_kind_and_the_fix() {
    let mut old = sample();
    set(&mut old, "/metadata/product/version", "4.0.1");
    let three = json!([{"finding": {}, "class_uid": 2001, "metadata": {"product": {"version": "3.16.17"}}}]);
    let native = json!([{"AssessmentStartTime": "2024-01-01", "FindingUniqueId": "prowler-aws-x"}]);
    let asff_old = String::from_utf8(plain("5.8.1-scan.asff.json.gz")).unwrap().replace("\"5.8.1\"", "\"3.11.0\"");
    let table = String::from_utf8(plain("5.8.1-scan.csv.gz")).unwrap();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("white space", b" \n".to_vec()),
        ("OCSF of 4.0", serde_json::to_vec(&[old]).unwrap()),
        ("OCSF of 3", serde_json::to_vec(&three).unwrap()),
        ("JSON of 3", serde_json::to_vec(&native).unwrap()),
        ("ASFF of 3", asff_old.into_bytes()),
        ("CSV of 4.0", table.replace(";5.8.1\r\n", ";4.0.1\r\n").into_bytes()),
        ("CSV of 3", b"ASSESSMENT_START_TIME;FINDING_UNIQUE_ID;PROVIDER\r\n".to_vec()),
        ("compliance report", stored("5.46.0-compliance-framework.ocsf.json.gz").to_vec()),
        ("compliance table", b"PROVIDER;DESCRIPTION;ACCOUNTID;REGION;ASSESSMENTDATE;REQUIREMENTS_ID\r\n".to_vec()),
        ("HTML", b"<!DOCTYPE html><html></html>".to_vec()),
        ("other OCSF", serde_json::to_vec(&[with("/class_uid", 3002)]).unwrap()),
        ("other JSON", br#"{"Version": "2012-10-17", "Statement": []}"#.to_vec()),
        ("other ASFF", br#"[{"SchemaVersion": "2018-10-08", "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/guardduty"}]"#.to_vec()),
        ("a million empty objects", format!("[{}{{}}]", "{},".repeat(1_000_000)).into_bytes()),
        ("other table", b"a;b;c\r\n1;2;3\r\n".to_vec()),
        ("ZIP", b"PK\x03\x04....".to_vec()),
        ("zeros", vec![0; 100_000]),
        ("prose", b"Prowler's bucket test\n".to_vec()),
        ("UTF-16", b"\xff\xfe[\0{\0".to_vec()),
    ];
    let mut messages = String::new();
    for (what, file) in cases {
        let rejection = rejection_of(file);
        messages.push_str(&format!("{what}: [{}] {rejection}\n", rejection.as_str()));
    }
    insta::assert_snapshot!(messages);
}

#[test]
fn a_scan_is_detected_even_if_its_first_entries_are_malformed() {
    let entries = json!([{}, {"class_uid": "x"}, [1], "text", 7, null, sample()]);
    let (elements, ending) = read(serde_json::to_vec(&entries).unwrap());
    assert_eq!(ending, Ending::Complete);
    // The string, the number, and null are between two brackets, so they are one malformed element.
    assert_eq!(elements.len(), 5);
}

#[test]
fn a_scan_without_findings_is_complete() {
    let header = plain("5.8.1-scan.csv.gz");
    let header = header[..=header.iter().position(|&byte| byte == b'\n').unwrap()].to_vec();
    for file in [b"[]".to_vec(), b"{\"Findings\": []}".to_vec(), header] {
        let (elements, ending) = read(file);
        assert!(elements.is_empty());
        assert_eq!(ending, Ending::Complete);
    }
}
