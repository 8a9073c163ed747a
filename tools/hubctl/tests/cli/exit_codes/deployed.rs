//! Entries whose exit code the management API determines, over in-memory ports.

use exporter::connection::Connection;
use exporter::jobs::JobState;
use exporter::report::{Fate, RunKind, RunReport, RunStatus};

use super::{Driver, FILE, sample};
use crate::manage::runs::{Exporter, RUN, deployment, run};
use crate::manage::{ACCOUNT, Deployment, OTHER, connected, disconnected};

/// Commands that cause a connection test.
const TESTED: [&str; 7] = [
    "integration create",
    "integration test",
    "integration configure",
    "integration credentials",
    "integration enable",
    "provider credentials",
    "apply",
];
/// Commands that wait for a job.
const JOBS: [&str; 7] =
    ["run replay", "run approve", "run undo-archive", "quarantine redrive", "job show", "job retry", "reconcile"];
/// Commands that ask for confirmation before an action that can't be undone, without the option that confirms.
const ASKED: [(&str, &str); 6] = [
    ("integration configure", "integration configure 123456789012 --provider 210987654321"),
    ("integration delete", "integration delete 123456789012"),
    ("provider delete", "provider delete 210987654321"),
    ("run approve", "run approve RUN"),
    ("run undo-archive", "run undo-archive RUN"),
    ("apply", "apply -f file.yaml --prune"),
];

pub(super) fn driver(command: &str, when: &str) -> Option<Driver> {
    let of = command.to_owned();
    let is_tested = TESTED.contains(&command);
    if let Some(found) = found(when).filter(|_| is_tested) {
        return Some(Box::new(move || tested(&of, found)));
    }
    if let Some(end) = ending(when).filter(|_| command == "run show") {
        return Some(Box::new(move || shown(end)));
    }
    if JOBS.contains(&command) {
        if let Some(end) = ending(when) {
            return Some(Box::new(move || job(&of, JobState::Succeeded, end)));
        }
        if when == "job failed" {
            return Some(Box::new(move || job(&of, JobState::Rejected, |_| {})));
        }
    }
    match when {
        "success" => Some(Box::new(move || standing(&of).run(&sample(&of)).exit)),
        "unconfirmed" => {
            let line = ASKED.iter().find(|(asked, _)| *asked == command)?.1.replace("RUN", RUN);
            Some(Box::new(move || {
                let deployment = standing(&of);
                let before = deployment.actions().len();
                let exit = deployment.run(&line).exit;
                assert_eq!(deployment.actions().len(), before, "{line}");
                exit
            }))
        }
        "file" | "differs" if ["apply", "config diff"].contains(&command) => {
            let file =
                if when == "file" { FILE.replace("}]\nint", ", scan_schedule: daily}]\nint") } else { FILE.to_owned() };
            let dry = if when == "differs" && of == "apply" { " --dry-run" } else { "" };
            Some(Box::new(move || {
                let deployment = Deployment::new();
                deployment.file("file.yaml", &file);
                deployment.run(&format!("{of} -f file.yaml{dry}")).exit
            }))
        }
        _ => None,
    }
}

/// The connection that a connection test finds. The inner `None`: the check can't be run.
fn found(when: &str) -> Option<Option<Connection>> {
    let mut lost = connected();
    lost.regions.get_mut(&"eu-west-2".parse().unwrap()).unwrap().unavailable_since =
        Some("2026-11-23T08:30:00Z".parse().unwrap());
    lost.regions.get_mut(&"eu-west-2".parse().unwrap()).unwrap().since = "2026-11-23T08:30:00Z".parse().unwrap();
    lost.status = exporter::connection::ConnectionStatus::Degraded;
    match when {
        "success" => Some(Some(connected())),
        "not run" => Some(None),
        "not connected" => Some(Some(disconnected())),
        "unavailable" => Some(Some(lost)),
        _ => None,
    }
}

fn tested(command: &str, found: Option<Connection>) -> i32 {
    let deployment = Deployment::new();
    deployment.file("file.yaml", FILE);
    if !["integration create", "apply"].contains(&command) {
        deployment.json(&format!("integration create --provider {ACCOUNT}"));
        deployment.json(&format!("provider create {OTHER}"));
    }
    if command == "integration enable" {
        deployment.json(&format!("integration disable {ACCOUNT}"));
    }
    deployment.memory.contents().connection_tests.clear();
    for (one, id) in found.into_iter().flat_map(|one| [ACCOUNT, OTHER].map(|id| (one.clone(), id))) {
        deployment.memory.contents().put_connection_test(id, vec![one]);
    }
    let moved = format!("integration configure {ACCOUNT} --provider {OTHER} --yes");
    deployment.run(&if command == "integration configure" { moved } else { sample(command) }).exit
}

/// Changes a run's report so that the run ends in this way.
fn ending(when: &str) -> Option<fn(&mut RunReport)> {
    match when {
        "success" => Some(|_| {}),
        "run failed" => Some(|run| run.status = RunStatus::Failed),
        "findings" => Some(|run| run.counts.add(Fate::Quarantined("InvalidInput".to_owned()), 2)),
        "credentials" => Some(|run| run.counts.undelivered.extend([("assume_role_denied".to_owned(), 1)])),
        "region" => Some(|run| {
            let off = [("hub_not_enabled".to_owned(), 1)].into();
            run.counts.region_unavailable.insert("eu-west-1".to_owned(), off);
        }),
        _ => None,
    }
}

fn shown(end: fn(&mut RunReport)) -> i32 {
    let deployment = Deployment::new();
    let mut run = run(RUN, RunKind::Export);
    run.counts.read = 1;
    end(&mut run);
    deployment.memory.contents().runs.push(run);
    deployment.run(&sample("run show")).exit
}

/// Runs a command that submits or shows a job, and waits for it.
fn job(command: &str, state: JobState, end: fn(&mut RunReport)) -> i32 {
    let deployment = deployment();
    let mut line = sample(command);
    if ["job show", "job retry"].contains(&command) {
        let message = deployment.json(&format!("run replay {RUN} --no-wait"));
        let id = message["id"].as_str().unwrap().to_owned();
        if command == "job retry" {
            let failing = Exporter::of(deployment.memory.clone(), JobState::Failed);
            assert_eq!(deployment.run(&format!("job show {id} --wait")).exit, 1);
            drop(failing);
        }
        line = format!("{command} {id}{}", if command == "job show" { " --wait" } else { "" });
    }
    let end = move |run: &mut RunReport| {
        run.counts.read = 1;
        end(run);
    };
    let _exporter = Exporter::ending(deployment.memory.clone(), state, end);
    deployment.run(&line).exit
}

/// A deployment in which the sample of a command succeeds.
fn standing(command: &str) -> Deployment {
    let deployment = deployment();
    deployment.file("file.yaml", FILE);
    if command == "provider delete" {
        deployment.json(&format!("provider create {ACCOUNT}"));
    } else {
        deployment.json(&format!("integration create --provider {ACCOUNT}"));
    }
    // This provider would be a difference from the file.
    if command != "config diff" {
        deployment.json(&format!("provider create {OTHER}"));
    }
    deployment
}
