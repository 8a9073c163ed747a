//! Jobs as the deployment receives them: more than once, out of order, and with some runs killed.

use std::time::Duration;

use exporter::jobs::Options;
use exporter::jobs::{
    Chain, Delivery, Job, JobError, JobMessage, JobRecord, JobState, JobStore, RETRY_DELAY, process, submit,
};
use exporter::model::integration::ArchiveScope;
use exporter::model::settings::Settings;
use exporter::ports::{AccountLocks as _, Clock as _};
use exporter::report::{RunReport, RunStatus};
use jiff::SignedDuration;
use simulator::{Fault, Operation};

use crate::fake_aws::World;
use crate::hub_assertions::held;
use crate::promises::{collect, failed, imports, scan};
use crate::scan::{Expected, Scanned, open};
use crate::{ACCOUNT, OTHER, export, integrate, world};
use exporter::testing::{Lifetime, StoredUpload};

/// A message that the queue redelivers if it fails.
pub(crate) const FROM_QUEUE: Delivery = Delivery::Message { receives: 1, receives_max: 5 };

pub(crate) fn record(world: &World, id: &str) -> JobRecord {
    world.contents().job(id).unwrap().clone()
}

pub(crate) fn queued(world: &World) -> Vec<(JobMessage, Duration)> {
    std::mem::take(&mut world.contents().queue.jobs)
}

/// Submits a job, and returns its message from the queue.
pub(crate) async fn submitted(world: &World, id: &str, job: Job) -> JobMessage {
    let fake_aws = world.ports();
    let record = JobRecord::new(id.to_owned(), job, fake_aws.now(), "somebody");
    assert!(submit(fake_aws.as_ref(), &record).await.unwrap());
    queued(world).pop().unwrap().0
}

async fn deliver(world: &World, message: &JobMessage) -> Result<Vec<RunReport>, JobError> {
    process(&world.ports(), &Settings::default(), message, FROM_QUEUE, &Options::default()).await.outcome
}

/// Uploads a scan to the in-memory bucket, and exports it.
pub(crate) async fn upload(world: &World, key: &str, scanned: &Scanned) -> RunReport {
    let mut bytes = Vec::new();
    collect(scanned.upload(key), &mut bytes).await;
    let scan = open(key, &bytes);
    let stored = StoredUpload { etag: scan.info.etag.clone(), bytes: bytes.into() };
    world.contents().uploads.insert(key.to_owned(), stored);
    export(world, scan).await
}

/// Exports two hundred findings, and then a scan from which 110 are absent, above the limit. Returns the report of the run that
/// needs approval.
async fn archive_held(world: &World) -> RunReport {
    integrate(world, ACCOUNT, |integration| integration.partial_scan_percent = 0);
    upload(world, "1", &scan(0, failed(200))).await;
    world.sleep(3600).await;
    let report = upload(world, "2", &scan(1, failed(90))).await;
    assert_eq!((report.status, report.counts.archived), (RunStatus::Degraded, 0));
    world.sleep(3600).await;
    report
}

pub(crate) fn active(world: &World) -> usize {
    held(world, ACCOUNT.parse().unwrap(), "ACTIVE").len()
}

#[tokio::test(start_paused = true)]
async fn a_completed_job_does_not_run_again_and_its_record_names_its_runs() {
    let world = world(|config| config);
    let run_id = archive_held(&world).await.run_id;
    let message = submitted(&world, "approve-it", Job::Approve { run_id, pending: false, unproven: false }).await;
    let [run] = deliver(&world, &message).await.unwrap().try_into().unwrap();
    assert_eq!((run.counts.archived, active(&world)), (110, 90));
    assert_eq!(run.job_id.as_deref(), Some("approve-it"), "a run has the ID of its job");
    let known = record(&world, "approve-it");
    assert_eq!(
        (known.state, known.runs, known.submitted_by.as_str()),
        (JobState::Succeeded, vec![run.run_id], "somebody")
    );
    assert!(known.completed_at.is_some());

    let calls = imports(&world);
    assert_eq!(deliver(&world, &message).await.unwrap(), [], "the queue delivers a message more than once");
    assert_eq!(imports(&world), calls);
}

#[tokio::test(start_paused = true)]
async fn an_approval_is_rejected_after_a_newer_scan_except_for_partial_scope() {
    let world = world(|config| config);
    let run_id = archive_held(&world).await.run_id;
    upload(&world, "3", &scan(2, failed(90))).await;
    let approve = Job::Approve { run_id, pending: true, unproven: false };
    let message = submitted(&world, "outdated", approve.clone()).await;
    let Err(JobError::Rejected(why)) = deliver(&world, &message).await else { panic!("the run is superseded") };
    assert!(
        why.contains("no longer the newest") && why.contains(&format!("hubctl run list --account {ACCOUNT}")),
        "{why}"
    );
    assert_eq!((record(&world, "outdated").state, active(&world)), (JobState::Rejected, 200));

    integrate(&world, ACCOUNT, |integration| integration.archive_scope = ArchiveScope::Observed);
    let message = submitted(&world, "partial", approve).await;
    deliver(&world, &message).await.unwrap();
    assert_eq!(record(&world, "partial").state, JobState::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn an_approval_of_nothing_names_the_right_command() {
    let world = world(|config| config);
    let run = archive_held(&world).await;
    let unproven = Job::Approve { run_id: run.run_id.clone(), pending: false, unproven: true };
    let message = submitted(&world, "unproven", unproven).await;
    let Err(JobError::Rejected(why)) = deliver(&world, &message).await else {
        panic!("the run has no unproven findings")
    };
    assert!(why.contains("no unproven findings"), "{why}");
    assert!(why.ends_with(&format!("hubctl run approve {}", run.run_id)), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_half_failed_approval_archives_nothing_more_after_an_undo_archive() {
    let world = world(|config| config);
    let run_id = archive_held(&world).await.run_id;
    let approval = submitted(&world, "approval", Job::Approve { run_id, pending: false, unproven: false }).await;
    world.simulator.inject(Fault::error(503).in_region("eu-west-1").on(Operation::BatchImportFindings));
    let outcome = deliver(&world, &approval).await;
    assert!(matches!(outcome, Err(JobError::Unfinished { .. })), "{outcome:?}");
    let half = record(&world, "approval");
    assert_eq!(half.state, JobState::Pending);
    assert!(half.message.unwrap().contains(&half.runs[0]), "the message has the run that it waits for");
    world.simulator.clear_faults();
    assert!((91..200).contains(&active(&world)), "half of the findings are archived: {}", active(&world));
    world.sleep(3600).await;

    let undoing = submitted(&world, "undoing", Job::UndoArchive { run_id: half.runs[0].clone() }).await;
    deliver(&world, &undoing).await.unwrap();
    assert_eq!(active(&world), 200);
    assert_eq!(record(&world, "approval").state, JobState::Canceled);
    assert_eq!(deliver(&world, &approval).await.unwrap(), [], "the approval is redelivered");
    assert_eq!(active(&world), 200, "the undo of the user is preserved");
}

#[tokio::test(start_paused = true)]
async fn a_killed_job_is_completed_when_its_message_is_redelivered() {
    for killed_at in 0..40 {
        let world = world(|config| config);
        let run_id = archive_held(&world).await.run_id;
        let message = submitted(&world, "approval", Job::Approve { run_id, pending: false, unproven: false }).await;
        let life = Lifetime::until(Some(killed_at), killed_at % 2 == 0);
        let killed = world.run(life, Expected::new());
        let (settings, options) = (Settings::default(), Options::default());
        tokio::select! {
            done = process(&killed, &settings, &message, FROM_QUEUE, &options) => drop(done.outcome.unwrap()),
            () = killed.lifetime().ended() => {}
        }
        world.sleep(7200).await;
        deliver(&world, &message).await.unwrap();
        assert_eq!(active(&world), 90, "killed at call {killed_at}");
        let known = record(&world, "approval");
        assert_eq!((known.state, known.runs.len()), (JobState::Succeeded, 1), "killed at call {killed_at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejected_job_has_the_reason_in_its_record() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let run = upload(&world, "1", &scan(0, failed(10))).await;
    world.contents().uploads.clear();
    let message = submitted(&world, "replay", Job::Replay { run_id: run.run_id, next_run_ids: Vec::new() }).await;
    let outcome = deliver(&world, &message).await;
    assert!(matches!(outcome, Err(JobError::Rejected(_))), "{outcome:?}");
    let known = record(&world, "replay");
    assert_eq!(known.state, JobState::Rejected);
    assert_eq!(known.message.as_deref(), Some("s3://scans/1 does not exist"));
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_account_is_locked_is_retried_and_records_that() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    upload(&world, "1", &scan(0, failed(10))).await;
    let other = world.ports();
    let account = ACCOUNT.parse().unwrap();
    let (newest, in_doubt) = other.lock_status(account).await.unwrap().unwrap();
    let until = other.now() + SignedDuration::from_mins(5);
    other.acquire(account, "another run", "", newest.newest, other.now(), until).await.unwrap();
    let all = Job::Reconcile { provider: Some(account.into()), regions: Vec::new(), dry_run: false };
    let message = submitted(&world, "compare", all).await;
    assert_eq!(deliver(&world, &message).await.unwrap(), []);
    let chain = Chain { rounds: 1, idle_rounds: 1, ..Chain::default() };
    assert_eq!(queued(&world), [(JobMessage { chain, ..message.clone() }, RETRY_DELAY)]);
    let waiting = record(&world, "compare");
    assert_eq!(waiting.state, JobState::Pending);
    assert!(waiting.message.unwrap().contains("another run"));
    other.release(account, "another run", in_doubt, None).await.unwrap();
    assert_eq!(deliver(&world, &message).await.unwrap().len(), 1);
    assert_eq!(record(&world, "compare").state, JobState::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_job_about_several_accounts_or_runs_names_its_follow_up_jobs() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    integrate(&world, OTHER, |_| {});
    let first = upload(&world, "1", &scan(0, failed(10))).await;
    let account = OTHER.parse().unwrap();
    let second = upload(&world, "2", &Scanned { account, ..scan(1, failed(10)) }).await;

    let all = Job::Reconcile { provider: None, regions: Vec::new(), dry_run: true };
    let message = submitted(&world, "all", all).await;
    for time in ["first", "second"] {
        deliver(&world, &message).await.unwrap();
        assert_eq!(record(&world, "all").next_job_ids, [format!("all.{ACCOUNT}"), format!("all.{OTHER}")], "{time}");
    }
    let parts = queued(&world);
    assert_eq!(parts.len(), 2, "the second attempt submits no jobs");
    for (part, _) in parts {
        deliver(&world, &part).await.unwrap();
        let known = record(&world, part.id.as_deref().unwrap());
        assert_eq!((known.state, known.runs.len(), known.submitted_by.as_str()), (JobState::Succeeded, 1, "somebody"));
    }

    let replays = Job::replays([first.run_id, second.run_id.clone()]).unwrap();
    let message = submitted(&world, "both", replays).await;
    deliver(&world, &message).await.unwrap();
    assert_eq!(record(&world, "both").next_job_ids, [format!("both.{}", second.run_id)]);
    let [(next, delay)] = <[_; 1]>::try_from(queued(&world)).unwrap();
    assert_eq!(delay, Duration::ZERO);
    assert_eq!(next.job, Job::Replay { run_id: second.run_id, next_run_ids: Vec::new() });
    deliver(&world, &next).await.unwrap();
    assert_eq!(queued(&world), []);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_canceled_while_it_runs_stays_canceled() {
    let world = world(|config| config);
    let run_id = archive_held(&world).await.run_id;
    let approval = submitted(&world, "approval", Job::Approve { run_id, pending: false, unproven: false }).await;
    world.simulator.inject(Fault::error(503).in_region("eu-west-1").on(Operation::BatchImportFindings));
    // A user cancels the job after it read the record and before it ends.
    let known = record(&world, "approval");
    let fake_aws = world.ports();
    let called_off = known.completed(JobState::Canceled, None, fake_aws.now());
    let (settings, options) = (Settings::default(), Options::default());
    let work = process(&fake_aws, &settings, &approval, FROM_QUEUE, &options);
    let cancel = async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        fake_aws.cancel_job(&called_off).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(work, cancel);
    assert_eq!(outcome.outcome.unwrap().len(), 1, "its run is returned, and no retry is requested");
    assert_eq!(queued(&world), []);
    assert_eq!(record(&world, "approval").state, JobState::Canceled);
}

#[tokio::test(start_paused = true)]
async fn the_follow_ups_of_a_job_canceled_while_it_runs_still_run() {
    let world = world(|config| config);
    integrate(&world, ACCOUNT, |_| {});
    let run = upload(&world, "1", &scan(0, failed(20))).await;
    let next_run_ids = vec!["second".to_owned()];
    let replays = submitted(&world, "both", Job::Replay { run_id: run.run_id, next_run_ids }).await;
    world.simulator.inject(Fault::error(503).in_region("eu-west-1").on(Operation::BatchImportFindings));
    world.forget_states();
    let called_off =
        record(&world, "both").completed(JobState::Canceled, None, "2026-03-01T08:00:00Z".parse().unwrap());
    let fake_aws = world.ports();
    let (settings, options) = (Settings::default(), Options::default());
    let cancel = async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        fake_aws.cancel_job(&called_off).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(process(&fake_aws, &settings, &replays, FROM_QUEUE, &options), cancel);
    outcome.outcome.unwrap();
    let [(next, _)] = <[_; 1]>::try_from(queued(&world)).unwrap();
    assert_eq!(next.id.as_deref(), Some("both.second"));
}
