//! Findings satisfy Security Hub's rules, whatever the scan contains.

use asff::Outcome;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::checker::violations;
use crate::support::{encoded, finding_of, findings, outcome_of, outcomes, sample, set, stored, with};

#[test]
fn every_real_finding_satisfies_the_rules_and_needs_no_repair() {
    for scan in ["5.46.0-scan-1", "5.46.0-scan-2-after-fixes", "5.8.1-scan"] {
        for format in ["ocsf.json", "asff.json", "csv"] {
            for mapped in findings(stored(&format!("{scan}.{format}.gz"))) {
                assert_eq!(violations(&encoded(&mapped)), Vec::<String>::new());
                assert!(mapped.repairs.is_empty());
            }
        }
    }
}

#[test]
fn values_that_are_too_long_are_shortened_and_recorded() {
    let long = "ü".repeat(5000);
    let mut entry = with("/finding_info/title", long.clone());
    set(&mut entry, "/status_detail", long.clone());
    set(&mut entry, "/remediation/desc", long.clone());
    set(&mut entry, "/resources/0/type", long.clone());
    set(&mut entry, "/resources/0/uid", long.clone());
    set(&mut entry, "/resources/0/region", long.clone());
    set(&mut entry, "/remediation/references", json!(["https://a.example/a b"]));
    let labels: Vec<String> = (0..60).map(|number| format!("k{number}:{long}")).collect();
    set(&mut entry, "/resources/0/labels", labels);
    let types: Vec<String> = (0..60).map(|number| format!("Effects/{number}")).chain(["a//b".into()]).collect();
    set(&mut entry, "/finding_info/types", types);
    let mapped = finding_of(&entry);
    assert_eq!(violations(&encoded(&mapped)), Vec::<String>::new());
    let repairs: Vec<String> = mapped.repairs.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(repairs.join("\n"));
}

#[test]
fn forty_frameworks_become_32_requirements_and_20_standards() {
    let map: Vec<String> = (0..40).map(|number| format!("\"Z{}\": [\"r\"]", 99 - number)).collect();
    let text = serde_json::to_string(&with("/unmapped/compliance", "HERE")).unwrap();
    let text = text.replace("\"HERE\"", &format!("{{{}}}", map.join(",")));
    let finding = encoded(&findings(format!("[{text}]")).remove(0));
    let requirements = finding["Compliance"]["RelatedRequirements"].as_array().unwrap();
    assert_eq!((requirements.len(), &requirements[31]), (32, &json!("Z68 r")));
    let standards = finding["Compliance"]["AssociatedStandards"].as_array().unwrap();
    assert_eq!((standards.len(), &standards[19]), (20, &json!({"StandardsId": "Z80"})));
}

#[test]
fn a_finding_that_is_too_large_is_quarantined() {
    let mut finding = encoded(&finding_of(&sample()));
    let fields: serde_json::Map<String, Value> =
        (0..50).map(|number| (format!("k{number}"), "\u{1}".repeat(2048).into())).collect();
    finding["ProductFields"] = fields.into();
    let (outcomes, _) = outcomes(serde_json::to_vec(&[finding]).unwrap());
    let Outcome::Quarantined(quarantined) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert_eq!(quarantined.code, asff::QuarantineCode::TooLarge);
    assert!(quarantined.message.ends_with("Security Hub accepts at most 245760"), "{}", quarantined.message);
}

#[test]
fn fields_of_security_hub_and_of_customers_are_omitted() {
    let mut finding = encoded(&finding_of(&sample()));
    for name in ["Workflow", "Note", "UserDefinedFields", "ProcessedAt", "CompanyName", "Region", "AwsAccountName"] {
        finding[name] = json!({"Status": "SUPPRESSED"});
    }
    finding["ProductFields"]["aws/securityhub/FindingId"] = "x".into();
    finding["Severity"] = json!({"Label": "LOW", "Normalized": 1});
    finding["Types"] = json!(["Effects"]);
    let expected = encoded(&finding_of(&sample()));
    let found = findings(serde_json::to_vec(&json!({"Findings": [finding]})).unwrap()).remove(0);
    assert_eq!(encoded(&found), expected);
}

/// Values that violate rules: long or blank strings, and strings with every kind of character.
fn text() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::from),
        "[ \\t]{0,5}".prop_map(Value::from),
        ("[a-z:/=| \u{e9}\u{65e5}\u{1f512}\\n]{0,80}", 0_usize..80).prop_map(|(text, times)| text.repeat(times).into()),
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
    ]
}

fn list() -> impl Strategy<Value = Value> {
    prop_oneof![prop::collection::vec(text(), 0..80).prop_map(Value::from), text()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn limits_hold_after_mapping_any_ocsf_values(
        texts in prop::collection::vec(text(), 9),
        lists in prop::collection::vec(list(), 3),
        frameworks in prop::collection::vec((any::<String>(), list()), 0..50),
    ) {
        let paths = ["/finding_info/title", "/status_detail", "/remediation/desc", "/resources/0/type", "/resources/0/uid",
            "/resources/0/region", "/metadata/product/version", "/cloud/org/ou_uid", "/metadata/event_code"];
        let mut entry = sample();
        for (path, text) in paths.into_iter().zip(texts) {
            set(&mut entry, path, text);
        }
        for (path, list) in ["/resources/0/labels", "/finding_info/types", "/remediation/references"].into_iter().zip(lists) {
            set(&mut entry, path, list);
        }
        set(&mut entry, "/unmapped/compliance", frameworks.into_iter().collect::<serde_json::Map<String, Value>>());
        if let Outcome::Finding(mapped) = outcome_of(&entry) {
            prop_assert_eq!(violations(&encoded(&mapped)), Vec::<String>::new());
        }
    }

    #[test]
    fn limits_hold_after_mapping_any_asff_values(
        texts in prop::collection::vec(text(), 8),
        lists in prop::collection::vec(list(), 2),
        pairs in prop::collection::vec((any::<String>(), text()), 0..70),
    ) {
        let paths = ["/Title", "/Description", "/Resources/0/Type", "/Resources/0/Id", "/Resources/0/Region",
            "/Remediation/Recommendation/Text", "/Remediation/Recommendation/Url", "/GeneratorId"];
        let mut finding = encoded(&finding_of(&sample()));
        for (path, text) in paths.into_iter().zip(texts) {
            set(&mut finding, path, text);
        }
        for (path, list) in ["/Compliance/RelatedRequirements", "/FindingProviderFields/Types"].into_iter().zip(lists) {
            set(&mut finding, path, list);
        }
        let pairs: serde_json::Map<String, Value> = pairs.into_iter().collect();
        set(&mut finding, "/ProductFields", pairs.clone());
        set(&mut finding, "/Resources/0/Tags", pairs);
        let (outcomes, _) = outcomes(serde_json::to_vec(&[finding]).unwrap());
        for outcome in outcomes {
            if let Outcome::Finding(mapped) = outcome {
                prop_assert_eq!(violations(&encoded(&mapped)), Vec::<String>::new());
            }
        }
    }
}
