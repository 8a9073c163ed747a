//! `hubctl validate`: describes a scan file and previews its export.

use serde_json::Value;

use super::{run_in, scan};

fn validate(file: &str, options: &str) -> super::Ended {
    run_in(&scan(""), &format!("validate {file} {options}"))
}

#[test]
fn a_real_scan_is_validated_with_the_default_filters() {
    let ended = validate("5.46.0-scan-1.ocsf.json.gz", "");
    insta::assert_snapshot!(ended.text(&scan("")));
}

#[test]
fn the_filters_of_an_integration_are_applied() {
    let options = "--all-statuses --severity-min high --regions us-east-1,eu-west-1 --fallback-region us-east-1";
    let ended = validate("5.46.0-scan-1.ocsf.json.gz", options);
    insta::assert_snapshot!(ended.text(&scan("")));
}

#[test]
fn findings_of_excluded_regions_are_counted_with_the_reason() {
    let ended = validate("5.8.1-scan.csv.gz", "--regions us-east-1");
    insta::assert_snapshot!(ended.text(&scan("")));
}

/// The counts add up to the number of entries.
#[test]
fn the_counts_add_up_with_any_format_and_filters() {
    for file in ["5.46.0-scan-1.ocsf.json.gz", "5.46.0-scan-1.asff.json.gz", "5.8.1-scan.csv.gz"] {
        for options in ["", "--all-statuses", "--severity-min critical --muted omit", "--regions eu-west-1"] {
            let ended = validate(file, &format!("{options} --output json"));
            assert_eq!((ended.exit, ended.stderr.as_str()), (0, ""), "{file} {options}");
            let json: Value = serde_json::from_str(&ended.stdout).unwrap();
            let counts = serde_json::from_value::<exporter::report::Counts>(json["plan"]["counts"].clone()).unwrap();
            assert!(counts.is_balanced() && counts.read > 0, "{file} {options}: {counts:?}");
            let number = |value: &Value| value.as_u64().unwrap();
            let sum = |value: &Value| value.as_object().unwrap().values().map(number).sum::<u64>();
            let scan = &json["scan"];
            let entries = number(&scan["mapped"]) + sum(&scan["skipped"]) + sum(&scan["quarantined"]);
            assert_eq!(entries + number(&scan["malformed"]), counts.read, "{file} {options}");
            assert_eq!(json["plan"]["filters"]["format"], scan["format"]);
        }
    }
}
