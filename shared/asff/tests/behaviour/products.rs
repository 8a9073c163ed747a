//! Findings of other products are told from Prowler's, as a file and within one.

use asff::{Ending, Outcome, QuarantineCode, Refusal, Skip};
use serde_json::{Value, json};

use crate::support::{case, finding_of, kept_back, outcome_of, outcomes, plain, read, sample, set, with, without};

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
        let Ending::Refused(refusal) = ending else { panic!("{ending:?}") };
        assert_eq!(refusal.to_string(), format!("the file holds findings of {product}, not Prowler's"));
    }
}

#[test]
fn findings_of_other_products_within_a_scan_are_skipped_with_its_name() {
    for (product, name) in [
        (json!({"name": "Wazuh", "vendor_name": "Wazuh, Inc."}), "Wazuh"),
        (json!({"vendor_name": "Aqua"}), "Aqua"),
        (json!({"name": "GuardDuty", "version": 2}), "GuardDuty"),
        (json!({"name": "Prowler", "vendor_name": "Another"}), "Prowler (Another)"),
        (json!("Trivy"), "Trivy"),
    ] {
        assert_eq!(product_of(&with("/metadata/product", product)), name);
    }
    // Whatever else it lacks is no loss of ours.
    let mut broken = with("/metadata/product/name", "Wazuh");
    broken.as_object_mut().unwrap().retain(|name, _| name == "metadata");
    assert_eq!(product_of(&broken), "Wazuh");
    set(&mut broken, "/resources", "none");
    assert_eq!(product_of(&broken), "Wazuh");
}

#[test]
fn a_finding_without_a_product_is_prowlers_if_it_looks_like_that() {
    let mut untold = without("/metadata/product");
    assert_eq!(finding_of(&untold).check_id, finding_of(&sample()).check_id);
    set(&mut untold, "/finding_info/uid", "alert-1");
    assert_eq!(finding_of(&untold).check_id, finding_of(&sample()).check_id);
    set(&mut untold, "/metadata/event_code", "S3.1");
    let kept = kept_back(&untold);
    assert_eq!(kept.code, QuarantineCode::NotAScanResult);
    assert!(kept.message.contains("metadata.product"), "{}", kept.message);
    let (_, ending) = read(serde_json::to_vec(&[untold]).unwrap());
    assert!(matches!(ending, Ending::Refused(Refusal::NotProwler { .. })), "{ending:?}");
}

#[test]
fn prowlers_findings_behind_any_number_of_others_are_read() {
    let other = with("/metadata/product/name", "Wazuh").to_string();
    let (outcomes, ending) = outcomes(format!("{}[{}]", format!("{other}\n").repeat(300), sample()));
    assert_eq!((outcomes.len(), ending), (301, Ending::Complete));
    let skipped =
        |outcome: &Outcome| matches!(outcome, Outcome::Skipped(Skip::OtherProduct { product }) if product == "Wazuh");
    assert!(outcomes[..300].iter().all(skipped) && matches!(outcomes[300], Outcome::Finding(_)));
}

#[test]
fn asff_of_other_products_is_detected_by_its_arn() {
    let ours: Vec<Value> = serde_json::from_slice(&plain("5.8.1-scan.asff.json.gz")).unwrap();
    let mut theirs = ours[1].clone();
    set(&mut theirs, "/ProductArn", "arn:aws:securityhub:eu-west-1::product/aws/guardduty");
    let mut broken = ours[2].clone();
    set(&mut broken, "/ProductArn", "arn:aws:securityhub:eu-west-1");
    let (outcomes, ending) = outcomes(json!([ours[0], theirs, broken]).to_string());
    assert_eq!(ending, Ending::Complete);
    let Outcome::Skipped(Skip::OtherProduct { product }) = &outcomes[1] else { panic!("{outcomes:?}") };
    assert_eq!(product, "aws/guardduty");
    assert!(matches!(&outcomes[2], Outcome::Quarantined(kept) if kept.code == QuarantineCode::NotAScanResult));
    let (_, ending) = read(json!({ "Findings": [theirs] }).to_string());
    assert_eq!(ending, Ending::Refused(Refusal::OtherProduct { product: "aws/guardduty".to_owned() }));
}
