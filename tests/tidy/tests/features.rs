//! The feature `testing`, with the in-memory ports, is enabled in tests and examples only. Cargo unifies the features of all
//! packages that it builds together, so that one wrong dependency would add it to every deployed function.

#![expect(clippy::unwrap_used, reason = "a broken tree is a failed test")]

use std::process::Command;

/// The packages that have the feature.
const PACKAGES: [&str; 2] = ["exporter", "management"];

/// Whether a build of the whole workspace, with dependencies of these kinds, enables the feature `testing` of a package. `cargo
/// build` and `cargo lambda build` resolve features in this way, whichever programs they build.
fn has_testing(package: &str, kinds: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    command.args(["tree", "--offline", "--locked", "--workspace", "--edges", kinds, "--invert", package]);
    let output = command.args(arguments).current_dir(tidy::root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(tree.contains(&format!("{package} feature \"default\"")), "the output is not a tree of features: {tree}");
    tree.contains(&format!("{package} feature \"testing\""))
}

#[test]
fn no_deployed_program_contains_the_in_memory_ports() {
    for package in PACKAGES {
        let is_in_programs = has_testing(package, "features,normal,build", &[]);
        assert!(!is_in_programs, "a dependency has {package}/testing: only dev-dependencies may");
    }
}

#[test]
fn tests_and_the_planted_defect_contain_the_in_memory_ports() {
    for package in PACKAGES {
        assert!(has_testing(package, "features,all", &[]), "{package}: this test no longer sees the feature");
        let arguments = ["--features", "planted-defect/in-memory"];
        assert!(has_testing(package, "features,normal,build", &arguments), "{package}: `make package` needs it");
    }
}
