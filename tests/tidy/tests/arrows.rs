//! Dependencies between crates have one direction: functions, tools, and tests → aws → management → exporter → asff. Each crate
//! has a list of the workspace's crates that it may depend on. Some external dependencies are restricted to one crate as well.

#![expect(clippy::unwrap_used, reason = "a broken tree is a failed test")]

use std::collections::BTreeSet;

use serde_json::Value;

/// A crate, and the crates of the workspace that it may depend on, except for tests.
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

/// Names of crates that call AWS. The pure crate must not even depend on asynchronous code.
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
fn crates_depend_only_on_allowed_crates() {
    let packages = tidy::packages().unwrap();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        let allowed = ARROWS.iter().find(|(from, _)| *from == name);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("{name} is new: add its allowed dependencies to ARROWS"));
        for dependency in names(package, &Value::Null) {
            let is_allowed = !ours.contains(dependency.as_str()) || allowed.contains(&dependency.as_str());
            assert!(is_allowed, "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn only_the_aws_crate_uses_the_sdk() {
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
fn the_pure_crate_has_no_asynchronous_dependencies() {
    let packages = tidy::packages().unwrap();
    let asff = packages.iter().find(|package| package["name"] == "asff").unwrap();
    for dependency in names(asff, &Value::Null) {
        assert!(!IMPURE.contains(&dependency.as_str()), "asff is pure: {dependency} is not");
    }
}

#[test]
fn every_crate_inherits_the_lints() {
    for package in tidy::packages().unwrap() {
        let manifest = std::fs::read_to_string(package["manifest_path"].as_str().unwrap()).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{}: [lints] workspace = true", package["name"]);
    }
}

fn is_tidy(path: &str) -> bool {
    path.starts_with("tests/tidy/")
}
