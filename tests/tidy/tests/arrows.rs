//! Arrows between crates point down: functions, tools and tests → aws → management → exporter → asff. Each crate lists here what of
//! ours, and of what is kept in one place, it may depend on.

#![expect(clippy::unwrap_used, reason = "a broken tree is a failed test")]

use std::collections::BTreeSet;

use serde_json::Value;

/// A crate, and the crates of ours that it may depend on, tests aside.
const ARROWS: [(&str, &[&str]); 15] = [
    ("asff", &[]),
    ("exporter", &["asff"]),
    ("management", &["asff", "exporter"]),
    ("conformance", &["asff", "exporter"]),
    ("web-console", &["asff", "exporter", "management"]),
    ("aws", &["asff", "exporter", "management"]),
    ("runtime", &[]),
    ("check-connections", &["asff", "aws", "exporter", "runtime"]),
    ("export-findings", &["asff", "aws", "exporter", "runtime"]),
    ("manage-integrations", &["aws", "management", "runtime"]),
    ("hubctl", &["asff", "aws", "conformance", "exporter", "management", "web-console"]),
    ("simulator", &[]),
    (
        "end-to-end",
        &["asff", "aws", "check-connections", "exporter", "export-findings", "hubctl", "management", "simulator"],
    ),
    ("planted-defect", &["asff", "check-connections", "exporter", "manage-integrations", "management", "runtime"]),
    ("tidy", &[]),
];

/// Names of crates that speak to AWS. The pure ones cannot even await.
const SPEAKS_TO_AWS: [&str; 3] = ["aws-config", "aws-sdk-", "aws-smithy-"];
const IMPURE: [&str; 6] = ["tokio", "futures", "reqwest", "hyper", "rand", "tracing"];

fn dependencies(package: &Value) -> impl Iterator<Item = &Value> {
    package["dependencies"].as_array().unwrap().iter()
}

fn names(package: &Value, kind: &Value) -> BTreeSet<String> {
    let of_kind = dependencies(package).filter(|dependency| dependency["kind"] == *kind);
    of_kind.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn arrows_point_down() {
    let packages = tidy::packages().unwrap();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        let allowed = ARROWS.iter().find(|(from, _)| *from == name);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{name} is new: say in ARROWS what it may depend on"));
        for dependency in names(package, &Value::Null) {
            let is_allowed = !ours.contains(dependency.as_str()) || allowed.contains(&dependency.as_str());
            assert!(is_allowed, "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn only_aws_names_the_sdk() {
    for package in tidy::packages().unwrap() {
        let name = package["name"].as_str().unwrap();
        for dependency in dependencies(&package).map(|dependency| dependency["name"].as_str().unwrap()) {
            let speaks = SPEAKS_TO_AWS.iter().any(|start| dependency.starts_with(start));
            assert!(!speaks || name == "aws", "{name} depends on {dependency}: only shared/aws may");
        }
    }
    for source in tidy::sources(&[".rs"]) {
        for (number, line) in source.code() {
            let is_free = !line.contains("aws_sdk_") || source.path.starts_with("shared/aws/") || is_tidy(&source.path);
            assert!(is_free, "{}:{number} names the SDK: only shared/aws may", source.path);
        }
    }
}

#[test]
fn the_pure_crate_cannot_wait() {
    let packages = tidy::packages().unwrap();
    let asff = packages.iter().find(|package| package["name"] == "asff").unwrap();
    for dependency in names(asff, &Value::Null) {
        assert!(!IMPURE.contains(&dependency.as_str()), "asff is pure: {dependency} is not");
    }
}

#[test]
fn every_crate_obeys_the_lints() {
    for package in tidy::packages().unwrap() {
        let manifest = std::fs::read_to_string(package["manifest_path"].as_str().unwrap()).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{}: [lints] workspace = true", package["name"]);
    }
}

fn is_tidy(path: &str) -> bool {
    path.starts_with("tests/tidy/")
}
