//! Findings of other products are distinguished from Prowler's, in separate files and in the same one.

use asff::{Ending, FileRejection, Outcome, QuarantineCode, Skip};
use serde_json::{Value, json};

use crate::support::{case, finding_of, outcome_of, outcomes, plain, quarantined, read, sample, set, with, without};

fn product_of(entry: &Value) -> String {
    match outcome_of(entry) {
        Outcome::Skipped(Skip::OtherProduct { product }) => product,
        other => panic!("{other:?}"),
    }
}

#[test]
fn field_case_a_file_of_another_product_is_rejected_with_its_name() {
    for (name, product) in [("another-scanner.ocsf.jsonl", "cnspec"), ("siem-alerts.ocsf.jsonl", "Wazuh")] {
        let (elements, ending) = read(case(name));
        assert!(elements.is_empty());
        let Ending::Rejected(rejection) = ending else { panic!("{ending:?}") };
        assert_eq!(rejection.to_string(), format!("the file contains findings of {product}, not of Prowler"));
    }
}

#[test]
fn findings_of_other_products_within_a_scan_are_skipped_by_name() {
    for (product, name) in [
        (json!({"name": "Wazuh", "vendor_name": "Wazuh, Inc."}), "Wazuh"),
        (json!({"vendor_name": "Aqua"}), "Aqua"),
        (json!({"name": "GuardDuty", "version": 2}), "GuardDuty"),
        (json!({"name": "Prowler", "vendor_name": "Another"}), "Prowler (Another)"),
        (json!("Trivy"), "Trivy"),
    ] {
        assert_eq!(product_of(&with("/metadata/product", product)), name);
    }
    // A finding of another product may lack anything.
    let mut broken = with("/metadata/product/name", "Wazuh");
    broken.as_object_mut().unwrap().retain(|name, _| name == "metadata");
    assert_eq!(product_of(&broken), "Wazuh");
    set(&mut broken, "/resources", "none");
    assert_eq!(product_of(&broken), "Wazuh");
}

#[test]
fn a_finding_without_a_product_is_prowlers_if_it_looks_like_one() {
    let mut without_product = without("/metadata/product");
    assert_eq!(finding_of(&without_product).check_id, finding_of(&sample()).check_id);
    set(&mut without_product, "/finding_info/uid", "alert-1");
    assert_eq!(finding_of(&without_product).check_id, finding_of(&sample()).check_id);
    set(&mut without_product, "/metadata/event_code", "S3.1");
    let entry = quarantined(&without_product);
    assert_eq!(entry.code, QuarantineCode::NotAScanResult);
    assert!(entry.message.contains("metadata.product"), "{}", entry.message);
    let (_, ending) = read(serde_json::to_vec(&[without_product]).unwrap());
    assert!(matches!(ending, Ending::Rejected(FileRejection::NotProwler { .. })), "{ending:?}");
}

#[test]
fn findings_after_any_number_of_other_products_are_read() {
    let other = with("/metadata/product/name", "Wazuh").to_string();
    let (outcomes, ending) = outcomes(format!("{}[{}]", format!("{other}\n").repeat(300), sample()));
    assert_eq!((outcomes.len(), ending), (301, Ending::Complete));
    let skipped =
        |outcome: &Outcome| matches!(outcome, Outcome::Skipped(Skip::OtherProduct { product }) if product == "Wazuh");
    assert!(outcomes[..300].iter().all(skipped) && matches!(outcomes[300], Outcome::Finding(_)));
}

#[test]
fn asff_of_other_products_is_detected_by_its_arn() {
    let prowlers: Vec<Value> = serde_json::from_slice(&plain("5.8.1-scan.asff.json.gz")).unwrap();
    let mut theirs = prowlers[1].clone();
    set(&mut theirs, "/ProductArn", "arn:aws:securityhub:eu-west-1::product/aws/guardduty");
    let mut broken = prowlers[2].clone();
    set(&mut broken, "/ProductArn", "arn:aws:securityhub:eu-west-1");
    let (outcomes, ending) = outcomes(json!([prowlers[0], theirs, broken]).to_string());
    assert_eq!(ending, Ending::Complete);
    let Outcome::Skipped(Skip::OtherProduct { product }) = &outcomes[1] else { panic!("{outcomes:?}") };
    assert_eq!(product, "aws/guardduty");
    assert!(matches!(&outcomes[2], Outcome::Quarantined(entry) if entry.code == QuarantineCode::NotAScanResult));
    let (_, ending) = read(json!({ "Findings": [theirs] }).to_string());
    assert_eq!(ending, Ending::Rejected(FileRejection::OtherProduct { product: "aws/guardduty".to_owned() }));
}
