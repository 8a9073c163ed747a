//! Contract 1.4 to 1.7: create or update, the fields that an update preserves, and automatic changes.

use serde_json::{Value, json};

use crate::stage::{PRODUCT, finding, stage, with};

#[test]
fn contract_1_5_no_match_creates_and_a_newer_one_updates() {
    let stage = stage();
    stage.put(finding("a", 0));
    stage.put(with(finding("a", 1), json!({ "Title": "newer" })));
    assert_eq!(stage.only()["Title"], "newer");
}

#[test]
fn contract_1_5_an_update_that_is_not_newer_is_silently_ignored() {
    let stage = stage();
    stage.put(finding("a", 5));
    for second in [5, 4] {
        stage.put(with(finding("a", second), json!({ "Title": "ignored" })));
        assert_eq!(stage.only()["Title"], "title");
    }
}

#[test]
fn contract_1_5_times_are_compared_as_times_and_not_as_strings() {
    let stage = stage();
    stage.put(with(finding("a", 0), json!({ "UpdatedAt": "2026-11-23T09:00:00+01:00" })));
    stage.put(with(finding("a", 0), json!({ "UpdatedAt": "2026-11-23T08:00:00.001Z", "Title": "newer" })));
    assert_eq!(stage.only()["Title"], "newer");
}

#[test]
fn contract_1_5_the_key_is_the_product_and_the_id() {
    let stage = stage();
    let own = "arn:aws:securityhub:eu-west-1:123456789012:product/123456789012/default";
    stage.put(finding("a", 0));
    stage.put(with(finding("a", 0), json!({ "ProductArn": own, "ProductName": "Mine", "CompanyName": "We" })));
    let findings = stage.visible();
    assert_eq!(findings.len(), 2);
    // Contract 2.1: a finding can set the names of the default product, but not those of a partner's product.
    assert_eq!((&findings[0]["ProductName"], &findings[1]["ProductName"]), (&json!("Mine"), &json!("Prowler")));
}

#[test]
fn contract_1_5_an_update_replaces_the_whole_finding() {
    let stage = stage();
    stage.put(with(finding("a", 0), json!({ "SourceUrl": "https://example.com", "Confidence": 5 })));
    stage.put(finding("a", 1));
    let finding = stage.only();
    assert!(finding.get("SourceUrl").is_none() && finding.get("Confidence").is_none());
}

#[test]
fn contract_1_4_created_at_is_preserved_and_first_observed_at_is_not() {
    let stage = stage();
    stage.put(finding("a", 0));
    stage.put(finding("a", 7));
    let finding = stage.only();
    assert_eq!(finding["CreatedAt"], "2026-11-23T08:00:00.000Z");
    assert_eq!(finding["FirstObservedAt"], "2026-11-23T08:00:07.000Z");
}

#[test]
fn contract_1_6_note_and_similar_fields_are_used_on_creation_only() {
    let stage = stage();
    let note = |text: &str| {
        json!({
            "Note": { "Text": text, "UpdatedBy": "x", "UpdatedAt": "2026-11-23T08:00:00Z" },
            "UserDefinedFields": { "k": text },
            "VerificationState": if text == "first" { "TRUE_POSITIVE" } else { "FALSE_POSITIVE" },
            "Workflow": { "Status": if text == "first" { "NOTIFIED" } else { "SUPPRESSED" } },
        })
    };
    stage.put(with(finding("a", 0), note("first")));
    stage.put(with(finding("a", 1), note("second")));
    let finding = stage.only();
    assert_eq!(finding["Note"]["Text"], "first");
    assert_eq!(finding["UserDefinedFields"]["k"], "first");
    assert_eq!(finding["VerificationState"], "TRUE_POSITIVE");
    assert_eq!(finding["Workflow"]["Status"], "NOTIFIED");
}

/// Sends Severity in the given forms of the table in contract 1.6, one after another. Returns the top-level severity and the
/// provider's.
fn severity_after(forms: &[(Option<&str>, Option<&str>)]) -> (Value, Value) {
    let stage = stage();
    for (second, (top, provider)) in (0_u32..).zip(forms) {
        let mut sent = with(finding("a", second), json!({ "Types": ["TTPs"], "FindingProviderFields": {} }));
        if let Some(top) = top {
            sent["Severity"] = json!({ "Label": top });
        }
        if let Some(provider) = provider {
            sent["FindingProviderFields"]["Severity"] = json!({ "Label": provider });
        }
        stage.put(sent);
    }
    let finding = stage.only();
    let label = finding["Severity"]["Label"].clone();
    let summary = stage.simulator.summary();
    assert_eq!(summary[0].by_severity[label.as_str().unwrap()], 1);
    (label, finding["FindingProviderFields"]["Severity"]["Label"].clone())
}

#[test]
fn contract_1_6_the_resolution_table() {
    let pair = |top: &str, provider: &str| (json!(top), json!(provider));
    assert_eq!(severity_after(&[(None, Some("LOW"))]), pair("LOW", "LOW"));
    assert_eq!(severity_after(&[(Some("HIGH"), None)]), pair("HIGH", "HIGH"));
    assert_eq!(severity_after(&[(Some("HIGH"), Some("LOW"))]), pair("LOW", "LOW"));
    assert_eq!(severity_after(&[(None, Some("LOW")), (Some("HIGH"), Some("MEDIUM"))]), pair("HIGH", "MEDIUM"));
    assert_eq!(severity_after(&[(None, Some("LOW")), (None, Some("MEDIUM"))]), pair("MEDIUM", "MEDIUM"));
    assert_eq!(severity_after(&[(None, Some("LOW")), (Some("HIGH"), None)]), pair("HIGH", "HIGH"));
}

#[test]
fn contract_1_6_severity_label_and_number_derive_from_each_other() {
    let stage = stage();
    stage.put(with(
        finding("a", 0),
        json!({
            "FindingProviderFields": null, "Types": ["TTPs"], "Severity": { "Normalized": 69 },
        }),
    ));
    assert_eq!(stage.only()["Severity"], json!({ "Label": "MEDIUM", "Normalized": 69 }));
    stage.put(finding("a", 1));
    assert_eq!(stage.only()["Severity"], json!({ "Label": "HIGH", "Normalized": 70 }));
}

/// The workflow status after a customer set it between two versions of the provider.
fn workflow_after(status: &str, before: Value, after: Value) -> Value {
    let stage = stage();
    stage.put(with(finding("a", 0), before));
    stage.change("a", &json!({ "Workflow": { "Status": status } }));
    stage.put(with(finding("a", 1), after));
    stage.only()["Workflow"]["Status"].clone()
}

#[test]
fn contract_1_7_a_reactivated_finding_is_new_unless_suppressed() {
    let archived = json!({ "RecordState": "ARCHIVED" });
    let passed = json!({ "Compliance": { "Status": "PASSED" } });
    let failed = json!({ "Compliance": { "Status": "FAILED" } });
    for status in ["NOTIFIED", "RESOLVED"] {
        assert_eq!(workflow_after(status, archived.clone(), json!({})), "NEW");
        assert_eq!(workflow_after(status, passed.clone(), failed.clone()), "NEW");
        // Changes from FAILED to PASSED and from ACTIVE to ARCHIVED do not reset the status.
        assert_eq!(workflow_after(status, failed.clone(), passed.clone()), status);
        assert_eq!(workflow_after(status, json!({}), archived.clone()), status);
    }
    assert_eq!(workflow_after("SUPPRESSED", archived, json!({})), "SUPPRESSED");
    assert_eq!(workflow_after("SUPPRESSED", passed, failed), "SUPPRESSED");
}

#[test]
fn contract_1_7_a_partner_finding_that_passes_stays_new() {
    let stage = stage();
    stage.put(with(finding("a", 0), json!({ "Compliance": { "Status": "PASSED" } })));
    assert_eq!(stage.only()["Workflow"]["Status"], "NEW");
}

#[test]
fn contract_3_1_the_service_fills_its_own_fields() {
    let stage = stage();
    stage.put(with(
        finding("a", 0),
        json!({
            "Region": "mine", "ProcessedAt": "x", "ProductName": "mine", "RecordState": null,
            "ProductFields": { "aws/securityhub/FindingId": "mine", "own": "kept" },
        }),
    ));
    let finding = stage.only();
    assert_eq!(finding["Region"], "eu-west-1");
    assert_eq!(finding["ProcessedAt"], "2026-11-23T08:00:00.000Z");
    assert_eq!((&finding["ProductName"], &finding["CompanyName"]), (&json!("Prowler"), &json!("Prowler")));
    assert_eq!(finding["RecordState"], "ACTIVE");
    assert_eq!(finding["WorkflowState"], "NEW");
    let fields = &finding["ProductFields"];
    assert_eq!(fields["aws/securityhub/FindingId"], format!("{PRODUCT}/a"));
    assert_eq!((&fields["aws/securityhub/ProductName"], &fields["own"]), (&json!("Prowler"), &json!("kept")));
}
