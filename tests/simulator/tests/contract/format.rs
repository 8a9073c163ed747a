//! Contract 1.2 and 1.3: the format of a finding, and the messages of 1.10 about violations.

use serde_json::{Value, json};

use crate::stage::{Stage, config, finding, stage, with};

const PREFIX: &str = "Finding does not adhere to Amazon Finding Format. ";

/// Asserts that the finding with these changes is rejected with exactly these failures.
fn refused(changes: Value, failures: &str) {
    let message = stage().refusal(with(finding("a", 0), changes));
    assert_eq!(message, format!("{PREFIX}{failures}."));
}

#[test]
fn contract_1_2_required_properties() {
    for name in ["SchemaVersion", "GeneratorId", "CreatedAt", "UpdatedAt", "Title", "Description", "Resources", "Id"] {
        refused(json!({ name: null }), &format!("data should have required property '{name}'"));
    }
}

#[test]
fn contract_1_2_severity_and_types_at_the_top_or_from_the_provider() {
    let neither = "data should have required property 'FindingProviderFields', data should match some schema in anyOf";
    refused(json!({ "FindingProviderFields": null }), neither);
    refused(json!({ "FindingProviderFields": null, "Types": ["TTPs"] }), neither);
    let stage = stage();
    let top = json!({ "FindingProviderFields": null, "Types": [], "Severity": { "Normalized": 40 } });
    stage.put(with(finding("top", 0), top));
    stage.put(with(
        finding("mixed", 0),
        json!({
            "FindingProviderFields": { "Severity": { "Label": "LOW" } }, "Types": ["TTPs"],
        }),
    ));
    refused(
        json!({ "FindingProviderFields": { "Types": [] } }),
        "data.FindingProviderFields should have required property 'Severity', data should match some schema in anyOf",
    );
}

#[test]
fn contract_1_2_severity_has_a_label_or_a_number() {
    refused(
        json!({ "Severity": { "Original": "x" } }),
        "data.Severity should have required property 'Label', data.Severity should have required property 'Normalized', \
         data.Severity should match some schema in anyOf",
    );
}

#[test]
fn contract_1_2_at_least_one_resource() {
    refused(json!({ "Resources": [] }), "data.Resources should NOT have fewer than 1 items");
}

#[test]
fn contract_1_3_lengths() {
    for (name, max) in [("Title", 256), ("Description", 1024), ("GeneratorId", 512), ("Id", 512)] {
        let stage = stage();
        stage.put(with(finding("a", 0), json!({ name: "ü".repeat(max) })));
        refused(
            json!({ name: "ü".repeat(max + 1) }),
            &format!("data.{name} should NOT be longer than {max} characters"),
        );
        refused(json!({ name: "" }), &format!("data.{name} should NOT be shorter than 1 characters"));
    }
}

#[test]
fn contract_1_10_all_failures_of_a_finding_are_listed() {
    refused(
        json!({ "Remediation": { "Recommendation": { "Text": "x".repeat(513), "Url": "" } } }),
        "data.Remediation.Recommendation.Text should NOT be longer than 512 characters, \
         data.Remediation.Recommendation.Url should NOT be shorter than 1 characters, \
         data.Remediation.Recommendation.Url should match format \"uri\"",
    );
}

#[test]
fn contract_1_3_types() {
    let types = |types: Value| json!({ "FindingProviderFields": { "Severity": { "Label": "LOW" }, "Types": types } });
    let stage = stage();
    stage.put(with(finding("a", 0), types(json!([]))));
    let pattern = "should match pattern \"^([^/]+)(/[^/]+){0,2}$\"";
    refused(
        types(json!([""])),
        &format!(
            "data.FindingProviderFields.Types[0] should NOT be shorter than 1 characters, \
             data.FindingProviderFields.Types[0] {pattern}"
        ),
    );
    refused(types(json!(["a/b/c/d"])), &format!("data.FindingProviderFields.Types[0] {pattern}"));
    refused(
        types(json!(["TTPs", "Effects", "TTPs"])),
        "data.FindingProviderFields.Types should NOT have duplicate items (items ## 2 and 0 are identical)",
    );
    let many: Vec<String> = (0..51).map(|number| format!("TTPs/{number}")).collect();
    refused(types(json!(many)), "data.FindingProviderFields.Types should NOT have more than 50 items");
}

#[test]
fn contract_1_3_namespaces_and_tag_characters_are_checked_if_set() {
    let odd = json!({
        "FindingProviderFields": { "Severity": { "Label": "LOW" }, "Types": ["Data Protection"] },
        "Resources": [{ "Type": "Other", "Id": "x", "Tags": { "a": "b|c" } }],
    });
    stage().put(with(finding("a", 0), odd.clone()));
    let mut config = config();
    config.rules.type_namespaces_checked = true;
    config.rules.tag_characters_checked = true;
    let message = Stage::new(config).refusal(with(finding("a", 0), odd));
    assert!(message.contains("data.FindingProviderFields.Types[0] should be equal"), "{message}");
    assert!(message.contains("data.Resources[0].Tags['a'] should match pattern"), "{message}");
}

#[test]
fn contract_1_3_compliance() {
    refused(
        json!({ "Compliance": { "Status": "FAILED", "AssociatedStandards": vec![json!({ "StandardsId": "s" }); 21] } }),
        "data.Compliance.AssociatedStandards should NOT have more than 20 items",
    );
    refused(
        json!({ "Compliance": { "RelatedRequirements": vec!["r"; 33] } }),
        "data.Compliance.RelatedRequirements should NOT have more than 32 items",
    );
    refused(
        json!({ "Compliance": { "RelatedRequirements": ["r".repeat(65)] } }),
        "data.Compliance.RelatedRequirements[0] should NOT be longer than 64 characters",
    );
    refused(
        json!({ "Compliance": { "Status": "PASS" } }),
        "data.Compliance.Status should be equal to one of the allowed values",
    );
}

#[test]
fn contract_1_3_resources() {
    let resource = |resource: Value| json!({ "Resources": [resource] });
    refused(
        resource(json!({ "Type": "", "Id": "x" })),
        "data.Resources[0].Type should NOT be shorter than 1 characters",
    );
    refused(
        resource(json!({ "Type": "Other", "Id": "x", "Partition": "aws-eusc" })),
        "data.Resources[0].Partition should be equal to one of the allowed values",
    );
    refused(
        resource(json!({ "Type": "Other", "Id": "x", "Region": "a-region-too-long" })),
        "data.Resources[0].Region should NOT be longer than 16 characters",
    );
    refused(
        resource(json!({ "Type": "Other", "Id": "x", "Details": { "Other": { "Destinations": "x".repeat(1025) } } })),
        "data.Resources[0].Details.Other['Destinations'] should NOT be longer than 1024 characters",
    );
    refused(
        resource(json!({ "Type": "Other", "Id": "x", "Tags": { "a": "x".repeat(257), "b": 1 } })),
        "data.Resources[0].Tags['a'] should NOT be longer than 256 characters, \
         data.Resources[0].Tags['b'] should be string",
    );
    refused(
        json!({ "Resources": vec![json!({ "Type": "Other", "Id": "x" }); 33] }),
        "data.Resources should NOT have more than 32 items",
    );
}

#[test]
fn contract_1_3_product_fields() {
    let many: serde_json::Map<String, Value> = (0..51).map(|number| (format!("k{number}"), json!("v"))).collect();
    refused(json!({ "ProductFields": many }), "data.ProductFields should NOT have more than 50 properties");
    refused(json!({ "ProductFields": { "kä": "v" } }), "data.ProductFields property name 'kä' is invalid");
    refused(
        json!({ "ProductFields": { "k": "v".repeat(2049) } }),
        "data.ProductFields['k'] should NOT be longer than 2048 characters",
    );
    stage().put(with(finding("a", 0), json!({ "ProductFields": { "prowler/check x.y:+=@_-": "" } })));
}

#[test]
fn contract_1_3_numbers_dates_and_kinds() {
    refused(json!({ "Confidence": 101 }), "data.Confidence should be <= 100");
    refused(json!({ "Criticality": -1 }), "data.Criticality should be >= 0");
    refused(json!({ "Title": 7, "Sample": "no" }), "data.Sample should be boolean, data.Title should be string");
    refused(json!({ "SchemaVersion": "2018" }), "data.SchemaVersion should be equal to one of the allowed values");
    let message = stage().refusal(with(finding("a", 0), json!({ "UpdatedAt": "2026-11-23 08:00:00" })));
    assert!(message.starts_with(&format!("{PREFIX}data.UpdatedAt should match pattern ")), "{message}");
    refused(
        json!({ "Note": { "Text": "t" } }),
        "data.Note should have required property 'UpdatedBy', data.Note should have required property 'UpdatedAt'",
    );
}

#[test]
fn contract_1_3_only_aws_may_use_arns_as_ids() {
    refused(json!({ "Id": "arn:aws:x" }), "data.Id should match pattern \"^(?!arn:)\"");
}

#[test]
fn unknown_properties_are_reported_if_configured() {
    let odd = with(finding("a", 0), json!({ "Titel": "x" }));
    stage().put(odd.clone());
    let mut config = config();
    config.rules.unknown_properties_refused = true;
    let message = Stage::new(config).refusal(odd);
    assert_eq!(message, format!("{PREFIX}data should NOT have additional properties ('Titel')."));
}

#[test]
fn a_finding_nested_too_deep_fails_alone() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let text = finding("deep", 0).to_string();
    let deep = format!("{},\"Threats\":{deep}}}", text.strip_suffix('}').unwrap());
    let body = format!("{{\"Findings\":[{deep},{}]}}", finding("flat", 0));
    let stage = stage();
    let answer = stage.simulator.batch_import_findings(&stage.caller, stage.region, body.as_bytes()).json();
    assert_eq!((&answer["SuccessCount"], &answer["FailedFindings"][0]["Id"]), (&json!(1), &json!("deep")));
}
