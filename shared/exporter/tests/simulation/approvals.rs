//! An approval archives what its run listed, and not what the repeated export did not read.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use exporter::export::Options;
use exporter::jobs::{self, Job, JobError, process};
use exporter::model::approval::Approval;
use exporter::model::settings::Settings;
use exporter::ports::Scan;
use exporter::report::{RunReport, RunStatus};
use exporter::testing::StoredUpload;
use futures::{Stream, StreamExt as _};
use simulator::{Effect, Fault, Operation};
use tokio::time::Instant;

use crate::evidence::{INSTANCE, active, base, begun, listed, of, without};
use crate::fake_aws::World;
use crate::hub_assertions::held;
use crate::jobs::{FROM_QUEUE, submitted};
use crate::promises::{failed, scan};
use crate::scan::{Result, Scanned, open};
use crate::{ACCOUNT, OTHER, Run, export, integrate, world};

const UNPROVEN: Approval = Approval { pending: false, unproven: true };

/// A scan of all findings except those of one check, which became MANUAL in the account.
fn denied(hours: i64) -> Scanned {
    let resource = "arn:aws:iam::123456789012:root".to_owned();
    let manual = Result { manual: true, failed: false, resource, ..of(INSTANCE, "us-east-1", 0) };
    scan(hours, without(|one| one.check == INSTANCE).into_iter().chain([manual]).collect())
}

/// The first half of the file, and what follows instead of the second.
fn first_half(scanned: &Scanned, key: &str, rest: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Scan {
    let bytes = scanned.bytes();
    let half = Bytes::copy_from_slice(&bytes[..bytes.len() / 2]);
    let body = futures::stream::iter([Ok(half)]).chain(rest).boxed();
    Scan { body, ..scanned.upload(key) }
}

#[tokio::test(start_paused = true)]
async fn an_approval_that_runs_out_of_time_archives_nothing_unread() {
    let world = begun(|_| {}).await;
    let report = export(&world, denied(1).upload("1")).await;
    assert_eq!((report.counts.unproven, active(&world)), (15, 45), "{:?}", report.reasons);
    world.sleep(3600).await;
    let deadline = Some(Instant::now() + Duration::from_secs(120));
    let options = Options { reexport: true, approval: UNPROVEN, deadline, ..Options::default() };
    let stalled = first_half(&denied(1), "1", futures::stream::pending());
    let run = Run { options, ..Run::new(&world) }.go(stalled).await.unwrap().unwrap();
    assert_eq!((run.status, run.counts.archived), (RunStatus::Unfinished, 0), "{:?}", run.reasons);
    assert_eq!(active(&world), 45);
    // The next round has the time.
    let options = Options { reexport: true, approval: UNPROVEN, ..Options::default() };
    let run = Run { options, ..Run::new(&world) }.go(denied(1).upload("1")).await.unwrap().unwrap();
    assert_eq!((run.counts.archived, active(&world)), (15, 30), "{:?}", run.reasons);
}

#[tokio::test(start_paused = true)]
async fn an_approval_whose_file_stops_arriving_archives_nothing_unread() {
    let world = begun(|_| {}).await;
    export(&world, denied(1).upload("1")).await;
    world.sleep(3600).await;
    let options = Options { reexport: true, approval: UNPROVEN, ..Options::default() };
    let lost = Err(io::Error::new(io::ErrorKind::ConnectionReset, "the connection was reset"));
    let file = first_half(&denied(1), "1", futures::stream::iter([lost]));
    let run = Run { options, ..Run::new(&world) }.go(file).await.unwrap();
    assert!(run.is_err(), "the export is repeated");
    assert_eq!(active(&world), 45);
}

/// Uploads a file to the bucket, and exports it.
async fn upload(world: &World, key: &str, bytes: Vec<u8>) -> RunReport {
    let scan = open(key, &bytes);
    let stored = StoredUpload { etag: scan.info.etag.clone(), bytes: bytes.into() };
    world.contents().uploads.insert(key.to_owned(), stored);
    export(world, scan).await
}

/// Approves a run as a user does.
async fn approve(world: &World, run: &RunReport, unproven: bool) -> RunReport {
    try_to_approve(world, run, unproven).await.unwrap()
}

async fn try_to_approve(world: &World, run: &RunReport, unproven: bool) -> std::result::Result<RunReport, JobError> {
    let job = Job::Approve { run_id: run.run_id.clone(), pending: !unproven, unproven };
    let message = submitted(world, "approval", job).await;
    let done = process(&world.ports(), &Settings::default(), &message, FROM_QUEUE, &jobs::Options::default()).await;
    done.outcome.map(|mut runs| runs.pop().unwrap())
}

/// The entries of a scan of several accounts.
fn joined(scans: &[Scanned]) -> Vec<u8> {
    let of = |scanned: &Scanned| serde_json::from_slice::<Vec<serde_json::Value>>(&scanned.bytes()).unwrap();
    serde_json::to_vec(&scans.iter().flat_map(of).collect::<Vec<_>>()).unwrap()
}

/// An approval archives what its run listed.
#[tokio::test(start_paused = true)]
async fn an_approval_archives_nothing_in_a_region_that_was_unavailable() {
    let world = begun(|_| {}).await;
    let error = Effect::Error {
        status: 401,
        error_type: Some("InvalidAccessException".to_owned()),
        message: None,
        after_commit: false,
    };
    world.simulator.inject(Fault::new(error).on(Operation::DescribeHub).in_region("sa-east-1"));
    let report = upload(&world, "1", denied(1).bytes()).await;
    assert_eq!(
        (report.counts.unproven, listed(&world, &report).len(), active(&world)),
        (10, 10, 45),
        "{:?}",
        report.reasons
    );
    world.simulator.clear_faults();
    world.sleep(3600).await;
    let run = approve(&world, &report, true).await;
    assert_eq!((run.counts.archived, active(&world)), (10, 35), "only what was listed: {:?}", run.reasons);
}

/// An approval of unproven findings of one account archives nothing in another account of the file, which was disabled then.
#[tokio::test(start_paused = true)]
async fn an_approval_archives_nothing_in_an_account_that_was_disabled() {
    let world = world(|config| config);
    let both = |hours: i64, results: Vec<Result>| {
        let other = Scanned { account: OTHER.parse().unwrap(), ..scan(hours, results.clone()) };
        joined(&[scan(hours, results), other])
    };
    for account in [ACCOUNT, OTHER] {
        integrate(&world, account, |_| {});
    }
    let all = base();
    let report = export(&world, open("0", &both(0, all.clone()))).await;
    assert_eq!(report.counts.sent, 90);
    world.sleep(3600).await;
    integrate(&world, OTHER, |one| one.enabled = false);
    // No results of a service, because of a denied permission of the scanner.
    let fewer = || both(1, without(|one| one.check == INSTANCE));
    let report = upload(&world, "1", fewer()).await;
    let pending = listed(&world, &report);
    assert_eq!((report.counts.unproven, pending.len()), (15, 15), "{:?}", report.reasons);
    assert!(pending.iter().all(|one| one.account == ACCOUNT.parse().unwrap()));
    world.sleep(3600).await;
    integrate(&world, OTHER, |_| {});
    let run = approve(&world, &report, true).await;
    assert_eq!(active(&world), 30, "the findings that the user saw are archived");
    let others = held(&world, OTHER.parse().unwrap(), "ACTIVE").len();
    assert_eq!((run.counts.archived, others), (15, 45), "no others: {:?}", run.reasons);
}

/// The approval of an archive above the limit archives what was listed.
#[tokio::test(start_paused = true)]
async fn an_archive_above_the_limit_leaves_out_what_was_not_listed() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |one| one.partial_scan_percent = 0);
    export(&world, scan(0, failed(300)).upload("1")).await;
    world.sleep(3600).await;
    let error = Effect::Error {
        status: 401,
        error_type: Some("InvalidAccessException".to_owned()),
        message: None,
        after_commit: false,
    };
    world.simulator.inject(Fault::new(error).on(Operation::DescribeHub).in_region("sa-east-1"));
    let report = upload(&world, "2", scan(1, failed(90)).bytes()).await;
    assert_eq!((listed(&world, &report).len(), report.counts.archived), (140, 0), "{:?}", report.reasons);
    world.simulator.clear_faults();
    world.sleep(3600).await;
    let run = approve(&world, &report, false).await;
    assert_eq!((run.counts.archived, active(&world)), (140, 160), "only what was listed: {:?}", run.reasons);
}

#[tokio::test(start_paused = true)]
async fn an_approval_whose_list_has_expired_is_rejected() {
    let world = begun(|_| {}).await;
    let report = upload(&world, "1", denied(1).bytes()).await;
    world.sleep(3600).await;
    world.contents().objects.remove(&RunReport::pending_key(&report.run_id)).unwrap();
    let error = try_to_approve(&world, &report, true).await.unwrap_err();
    let message = format!("the list of findings of run {0} has expired; export its upload again: ", report.run_id);
    assert_eq!(error.to_string(), format!("{message}hubctl run replay {}", report.run_id));
    assert_eq!(active(&world), 45);
}
