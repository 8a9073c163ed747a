//! `hubctl verify` against a simulated Security Hub, called with the SDK.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulator::{Caller, Config, Deny, Deviation, Effect, Fault, Operation};

use crate::standalone::{ACCOUNT, World};
use crate::{Ended, hubctl};

/// Options that make a run fast: otherwise it would wait for the quota of the service.
pub(super) const FAST: &str = "verify --yes --reads-per-second 1000 --settle-seconds 0 --visibility-timeout 2";

pub(super) fn world(deviations: &[Deviation]) -> World {
    let mut config = Config::one_account(ACCOUNT, &["us-east-1", "us-west-2"]);
    config = config.region(ACCOUNT, "us-west-2", |region| region.hub = false);
    config.rules.deviations = deviations.to_vec();
    World::new(config)
}

fn started(world: &World, line: &str) -> Command {
    let mut command = world.hubctl();
    command.current_dir(world.place.path()).args(line.split_whitespace());
    command
}

pub(super) fn verify(world: &World, options: &str) -> Ended {
    Ended::of(started(world, &format!("{FAST} {options}")).output().unwrap())
}

#[test]
fn a_conforming_hub_passes_and_no_finding_stays_active() {
    let world = world(&[]);
    let ended = verify(&world, "--disabled-region us-west-2 --denied-calls --report report.json");
    assert_eq!(ended.exit, 0, "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.starts_with("# Conformance of Security Hub CSPM\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("| hub-disabled | ") && !ended.stdout.contains("deviates |"), "{}", ended.stdout);
    assert!(!ended.stdout.contains(ACCOUNT) && !ended.stdout.contains(":user/"), "{}", ended.stdout);
    assert_eq!((world.count("ACTIVE"), ended.stderr.contains("/39 archived-visible: holds")), (0, true));
    let report: Value =
        serde_json::from_slice(&std::fs::read(world.place.path().join("report.json")).unwrap()).unwrap();
    assert_eq!((&report["counts"]["deviates"], &report["account"]), (&json!(0), &json!("ACCOUNT")));
    assert_eq!(report["clean_up"]["left_active"], json!([]));
}

#[test]
fn a_deviation_is_in_the_report_and_in_the_exit_code() {
    let world = world(&[Deviation::EqualUpdateApplied]);
    let ended = verify(&world, "--format json --include-account-id");
    assert_eq!(ended.exit, 6, "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let deviating: Vec<&Value> = checks.iter().filter(|check| check["verdict"] == "deviates").collect();
    assert_eq!((deviating.len(), &deviating[0]["id"]), (1, &json!("updated-at-equal")));
    assert_eq!(report["account"], ACCOUNT);
    let not_checked = checks.iter().find(|check| check["id"] == "hub-disabled").unwrap();
    assert_eq!((&not_checked["verdict"], &not_checked["reason"]), (&json!("not_checked"), &json!("not_requested")));
}

#[test]
fn nothing_is_imported_without_confirmation() {
    let world = world(&[]);
    let ended = Ended::of(started(&world, "verify").output().unwrap());
    assert_eq!((ended.exit, world.simulator.calls().len()), (2, 0));
    assert!(ended.stderr.contains("--yes"), "{}", ended.stderr);
}

#[test]
fn an_option_that_selects_a_deployment_is_rejected() {
    let ended = Ended::of(hubctl().args(["verify", "--yes", "--stack", "exporter"]).output().unwrap());
    assert_eq!(ended.exit, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("--stack would be ignored"), "{}", ended.stderr);
}

#[test]
fn a_missing_permission_is_named() {
    let mut config = Config::one_account(ACCOUNT, &["us-east-1"]);
    let action = "securityhub:GetFindings".to_owned();
    let deny = Deny { action, regions: Vec::new(), caller: None, explicit: false, policy: None };
    config.account_mut(ACCOUNT).denies.push(deny);
    let world = World::new(config);
    let ended = verify(&world, "");
    assert_eq!((ended.exit, world.count("ACTIVE") + world.count("ARCHIVED")), (4, 0), "{}", ended.stderr);
    assert!(ended.stderr.contains("add securityhub:GetFindings to the permissions"), "{}", ended.stderr);
}

/// Imports an active finding of a killed run, and one of Prowler.
fn left(world: &World) {
    let finding = |id: &str| {
        json!({
            "SchemaVersion": "2018-10-08", "Id": id, "GeneratorId": "g", "AwsAccountId": ACCOUNT, "Title": "t", "Description": "d",
            "ProductArn": "arn:aws:securityhub:us-east-1::product/prowler/prowler", "CreatedAt": "2026-11-01T00:00:00Z",
            "UpdatedAt": "2026-11-01T00:00:00Z", "Severity": { "Label": "LOW" }, "Types": [],
            "Resources": [{ "Type": "Other", "Id": "r" }],
        })
    };
    let ids = ["securityhub-exporter-verify/0193-killed/reactivation", "prowler-check-1"];
    let body = json!({ "Findings": ids.map(finding) }).to_string();
    let answer = world.simulator.batch_import_findings(&Caller::user(ACCOUNT), "us-east-1", body.as_bytes());
    assert_eq!(answer.json()["SuccessCount"], 2);
}

#[test]
fn clean_up_archives_only_findings_of_killed_runs() {
    let world = world(&[]);
    left(&world);
    let ended = verify(&world, "--clean-up");
    assert_eq!((ended.exit, ended.stdout.as_str()), (0, "Archived 1 finding.\n"), "{}", ended.stderr);
    assert_eq!((world.count("ACTIVE"), world.count("ARCHIVED")), (1, 1));
    let again = verify(&world, "--clean-up --format json");
    assert_eq!(serde_json::from_str::<Value>(&again.stdout).unwrap()["archived"], 0);
}

/// The exit code of `--clean-up` if findings can't be archived.
pub(super) fn clean_up_in_vain() -> i32 {
    let world = world(&[Deviation::ArchiveIgnored]);
    left(&world);
    verify(&world, "--clean-up").exit
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_archives_active_findings() {
    let world = world(&[]);
    // The latency makes the run slow enough to be interrupted while findings are active.
    world.simulator.inject(Fault::new(Effect::Latency { ms: 150 }).on(Operation::GetFindings));
    let mut command = started(&world, FAST);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while world.count("ACTIVE") == 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "no finding became active");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let signaled = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(signaled.success());
    let ended = Ended::of(child.wait_with_output().unwrap());
    assert_eq!(ended.exit, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("interrupted; no finding is active"), "{}", ended.stderr);
    assert_eq!(world.count("ACTIVE"), 0);
}
