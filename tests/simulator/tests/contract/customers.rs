//! Contract 1.6 and 3.2: changes with BatchUpdateFindings, which imports do not undo.

use serde_json::json;
use simulator::Operation;

use crate::stage::{PRODUCT, finding, stage, with};

#[test]
fn contract_1_6_customer_changes_are_preserved_at_the_top_level() {
    let stage = stage();
    stage.put(finding("a", 0));
    stage.change("a", &json!({ "Severity": { "Label": "LOW" }, "Types": ["Effects"], "Confidence": 7 }));
    let provider = json!({ "Severity": { "Label": "CRITICAL" }, "Types": ["TTPs"], "Confidence": 99 });
    stage.put(with(finding("a", 1), json!({ "FindingProviderFields": provider, "Severity": { "Label": "MEDIUM" } })));
    let finding = stage.only();
    assert_eq!(finding["Severity"], json!({ "Label": "LOW", "Normalized": 1 }));
    assert_eq!((&finding["Types"], &finding["Confidence"]), (&json!(["Effects"]), &json!(7)));
    assert_eq!(finding["FindingProviderFields"]["Severity"]["Label"], "CRITICAL");
    assert_eq!(finding["FindingProviderFields"]["Types"], json!(["TTPs"]));
    assert_eq!(finding["FindingProviderFields"]["Confidence"], 99);
    assert_eq!(stage.simulator.summary()[0].by_severity["LOW"], 1);
}

#[test]
fn contract_1_6_each_attribute_is_changed_independently() {
    let stage = stage();
    stage.put(finding("a", 0));
    stage.change("a", &json!({ "Severity": { "Label": "LOW" } }));
    stage.put(with(finding("a", 1), json!({ "Criticality": 3, "Types": ["TTPs"] })));
    let finding = stage.only();
    assert_eq!((&finding["Severity"]["Label"], &finding["Criticality"]), (&json!("LOW"), &json!(3)));
    assert_eq!(finding["Types"], json!(["TTPs"]));
}

#[test]
fn contract_3_2_notes_and_workflow_survive_imports() {
    let stage = stage();
    stage.put(finding("a", 0));
    stage.change(
        "a",
        &json!({
            "Note": { "Text": "seen", "UpdatedBy": "ann" },
            "Workflow": { "Status": "SUPPRESSED" },
            "VerificationState": "FALSE_POSITIVE",
            "UserDefinedFields": { "ticket": "1" },
        }),
    );
    stage.put(with(finding("a", 1), json!({ "RecordState": "ARCHIVED" })));
    stage.put(finding("a", 2));
    let finding = stage.only();
    assert_eq!(finding["Note"], json!({ "Text": "seen", "UpdatedBy": "ann", "UpdatedAt": "2026-11-23T08:00:00.000Z" }));
    assert_eq!(
        (&finding["Workflow"]["Status"], &finding["VerificationState"]),
        (&json!("SUPPRESSED"), &json!("FALSE_POSITIVE"))
    );
    assert_eq!(finding["UserDefinedFields"]["ticket"], "1");
}

#[test]
fn contract_3_2_updated_at_and_record_state_are_unchanged() {
    let stage = stage();
    stage.put(finding("a", 5));
    stage.advance_days(1);
    stage.change("a", &json!({ "Criticality": 1 }));
    assert_eq!(stage.only()["UpdatedAt"], "2026-11-23T08:00:05.000Z");
    let body = json!({
        "FindingIdentifiers": [{ "Id": "a", "ProductArn": PRODUCT }], "RecordState": "ARCHIVED",
    });
    let response = stage.simulator.batch_update_findings(&stage.caller, stage.region, body.to_string().as_bytes());
    assert_eq!(response.status, 400);
    assert_eq!(stage.only()["RecordState"], "ACTIVE");
}

#[test]
fn contract_3_2_missing_and_duplicate_findings_are_unprocessed() {
    let stage = stage();
    stage.put(finding("a", 0));
    let id = |id: &str| json!({ "Id": id, "ProductArn": PRODUCT });
    let body = json!({ "FindingIdentifiers": [id("a"), id("b"), id("a")], "Confidence": 1 }).to_string();
    let answer = stage.simulator.batch_update_findings(&stage.caller, stage.region, body.as_bytes()).json();
    assert_eq!(answer["ProcessedFindings"], json!([id("a")]));
    assert_eq!(answer["UnprocessedFindings"][0]["ErrorCode"], "FindingNotFound");
    assert_eq!(answer["UnprocessedFindings"][1]["ErrorCode"], "DuplicatedFindingIdentifier");
    assert_eq!(stage.call(Operation::BatchUpdateFindings).status, 400);
}
