//! The table of errors in ARCHITECTURE.md: each response of each call, and its effect.

use exporter::model::problem::Problem;
use exporter::ports::{ConnectError, PortError};
use exporter::report::{RunReport, RunStatus};
use exporter::testing::Lifetime;
use simulator::{Effect, Fault, Operation};

use crate::fake_aws::World;
use crate::promises::{failed, scan};
use crate::scan::Result;
use crate::{ACCOUNT, REGIONS, Run, export, integrate, world};

const ARCHITECTURE: &str = include_str!("../../../../ARCHITECTURE.md");
const HEAD: &str = "| call | response |";
/// The Region in which calls fail.
const HERE: &str = "eu-west-1";

/// A row: the call, its response, the outcome of the findings, and the status of the run.
fn rows() -> Vec<[String; 4]> {
    let table = ARCHITECTURE.split_once(HEAD).unwrap().1;
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', ""));
        std::array::from_fn(|_| cells.next().unwrap())
    })
    .collect()
}

fn error(status: u16, error_type: &str) -> Effect {
    Effect::Error { status, error_type: Some(error_type.to_owned()), message: None, after_commit: false }
}

/// Injects a fault, so that the call gets this response from now on.
fn inject(world: &World, call: &str, response: &str, resolved: &str) {
    let kind = response.split(',').next().unwrap();
    let operation = match call {
        "BatchImportFindings" | "FailedFindings" => Operation::BatchImportFindings,
        "DescribeHub" => Operation::DescribeHub,
        "GetFindings" => Operation::GetFindings,
        "state bucket" | "connection" => {
            match kind {
                "state malformed" => world.fail_reads(&format!("{HERE}.zst")),
                "state unwritable" => world.fail_writes(&format!("{HERE}.zst")),
                "report unwritable" => world.fail_writes("report.json"),
                "denied" => {
                    let (message, remediation) = ("no".to_owned(), None);
                    world.access().refusal = Some(ConnectError::Rejected(Problem {
                        reason: "assume_role_denied".to_owned(),
                        message,
                        remediation,
                    }));
                }
                "failing" => {
                    let (action, message) = ("assume the role".to_owned(), "503".to_owned());
                    world.access().refusal = Some(ConnectError::Failed(PortError { action, message }));
                }
                other => unreachable!("an unknown response: {other}"),
            }
            return;
        }
        other => unreachable!("an unknown call: {other}"),
    };
    let fails = |code: &str| Effect::FailFindings {
        id_contains: resolved.to_owned(),
        code: code.to_owned(),
        message: "no".to_owned(),
    };
    let effect = match kind {
        "unreachable" => {
            let dark: &[&str] = if response.ends_with("all") { &REGIONS } else { &[HERE] };
            world.access().dark = dark.iter().map(|region| region.parse().unwrap()).collect();
            if operation == Operation::BatchImportFindings {
                world.access().dark_operation = Some(operation);
            }
            return;
        }
        "429" => error(429, "TooManyRequestsException"),
        "503" => error(503, "ServiceUnavailable"),
        "400" => Effect::RefuseBatch { id_contains: resolved.to_owned() },
        "401" => error(401, "InvalidAccessException"),
        "403" => error(403, "AccessDeniedException"),
        "unknown token" => error(403, "UnrecognizedClientException"),
        "expired session" => error(403, "ExpiredTokenException"),
        "connection lost" => Effect::DropConnection { after_commit: false },
        code => fails(code),
    };
    let fault = Fault::new(effect).on(operation).in_region(HERE);
    world.simulator.inject(if kind == "expired session" { fault.times(1) } else { fault });
}

/// The outcome of the Region's findings according to the report.
fn fate(report: &RunReport) -> String {
    let counts = &report.counts;
    if let Some(code) = counts.archive_rejected.keys().next() {
        return format!("archive_rejected: {code}");
    }
    if counts.archive_unavailable > 0 {
        return "archive_unavailable".to_owned();
    }
    if counts.archive_undelivered > 0 {
        return "archive_undelivered".to_owned();
    }
    if let Some(reason) = counts.undelivered.keys().next() {
        return format!("undelivered: {reason}");
    }
    if let Some(code) = counts.quarantined.keys().next() {
        return format!("quarantined: {code}");
    }
    if let Some(reason) = counts.region_unavailable.get(HERE).and_then(|reasons| reasons.keys().next()) {
        return format!("region_unavailable: {reason}");
    }
    "sent".to_owned()
}

async fn walk([call, response, findings, status]: &[String; 4]) {
    let row = format!("{call}, {response}");
    let has = |word: &str| response.split(", ").any(|part| part == word);
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    if !has("first") {
        export(&world, scan(0, failed(60)).upload("1")).await;
        world.sleep(7200).await;
    }
    if has("in doubt") {
        let lifetime = Lifetime::until(Some(14), true);
        drop(Run { lifetime, ..Run::new(&world) }.go(scan(1, failed(60)).upload("killed")).await);
        world.sleep(7200).await;
    }
    let (results, one): (Vec<Result>, Result) = if has("archiving") {
        let mut results = failed(60);
        let one = results.iter_mut().find(|one| one.region == HERE).unwrap();
        one.failed = false;
        let one = one.clone();
        (results, one)
    } else {
        let results = failed(63);
        let one = results.iter().rfind(|one| one.region == HERE).unwrap().clone();
        (results, one)
    };
    inject(&world, call, response, &one.id(ACCOUNT.parse().unwrap()));
    if has("DescribeHub denied") {
        let denial = Fault::new(error(403, "AccessDeniedException"));
        world.simulator.inject(denial.on(Operation::DescribeHub).in_region(HERE));
    }
    let outcome = Run::new(&world).go(scan(3, results.clone()).upload("2")).await.unwrap();
    match &outcome {
        Ok(report) => {
            let word = report.status.as_str();
            assert_eq!((fate(report), word), (findings.clone(), status.as_str()), "{row}: {:?}", report.reasons);
        }
        Err(error) => {
            assert_eq!(status, "failed", "{row}: {error}");
            let run = world.contents().runs.iter().last().cloned().unwrap();
            assert_eq!(run.status, RunStatus::Failed, "{row}");
        }
    }
    // After any of these errors is resolved, a retry or the next scan brings Security Hub to the state of the scan.
    world.simulator.clear_faults();
    {
        world.restore_stores();
        let mut access = world.access();
        (access.dark, access.dark_operation, access.refusal) = Default::default();
    }
    world.sleep(7200).await;
    let is_tried_again = outcome.as_ref().map_or(true, |report| report.status.should_retry());
    let again =
        if is_tried_again { scan(3, results.clone()).upload("2") } else { scan(5, results.clone()).upload("3") };
    let report = export(&world, again).await;
    assert_eq!(report.status, RunStatus::Succeeded, "{row}, afterwards: {:?}", report.reasons);
    let live = results.iter().filter(|one| one.failed).count();
    assert_eq!(crate::evidence::active(&world), live, "{row}, afterwards");
}

#[test]
fn each_response_of_each_call_has_the_documented_result() {
    let rows = rows();
    assert!(rows.len() > 25, "the table was read: {rows:?}");
    for row in rows {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(walk(&row));
    }
}
