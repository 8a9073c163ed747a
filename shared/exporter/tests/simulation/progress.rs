//! The progress of a job, in its record.

use exporter::jobs::{
    Job, JobError, JobProgress, JobRecord, JobState, JobStore as _, Options, PROGRESS_INTERVAL, process,
};
use exporter::model::settings::Settings;
use exporter::report::RunReport;
use exporter::testing::{Fault, Operation};
use jiff::Timestamp;

use crate::fake_aws::World;
use crate::jobs::{FROM_QUEUE, record, submitted, upload};
use crate::promises::{failed, result, scan};
use crate::{ACCOUNT, REGIONS, integrate, world};

/// Number of findings of a job that takes some seconds: ten calls in each of three Regions.
const FINDINGS: u64 = 3_000;

/// Settings with one call per second in each Region.
fn slow() -> Settings {
    Settings { import_calls_per_second: 1, import_calls_burst: 1, ..Settings::default() }
}

async fn run_slowly(world: &World, id: &str, job: Job) -> Result<Vec<RunReport>, JobError> {
    let message = submitted(world, id, job).await;
    process(&world.ports(), &slow(), &message, FROM_QUEUE, &Options::default()).await.outcome
}

fn written(world: &World) -> Vec<JobProgress> {
    world.contents().progress.clone()
}

/// An account with findings in Security Hub, and the job that archives them.
async fn archiving() -> (World, Job) {
    let world = world(|config| config);
    let provider = integrate(&world, ACCOUNT, |_| {}).provider;
    let run = upload(&world, "first", &scan(0, failed(u32::try_from(FINDINGS).unwrap()))).await;
    assert_eq!(run.counts.sent, FINDINGS);
    world.sleep(3600).await;
    (world, Job::ArchiveAll { provider, deletion_requested_at: None })
}

fn some_progress() -> JobProgress {
    JobProgress { done: 1, total: None, regions: [].into(), updated_at: Timestamp::UNIX_EPOCH }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_takes_longer_shows_its_progress() {
    let (world, job) = archiving().await;
    let started = tokio::time::Instant::now();
    let runs = run_slowly(&world, "7", job).await.unwrap();
    assert_eq!(runs[0].counts.archived, FINDINGS);
    let written = written(&world);
    let writes_max = started.elapsed().as_secs() / PROGRESS_INTERVAL.as_secs();
    assert!((3..=writes_max).contains(&(written.len() as u64)), "at most {writes_max}: {written:?}");
    for progress in &written {
        let regions: u64 = progress.regions.values().map(|region| region.done).sum();
        assert_eq!((progress.total, progress.regions.len()), (Some(FINDINGS), REGIONS.len()), "{progress:?}");
        assert_eq!(regions, progress.done, "{progress:?}");
    }
    assert!(
        written.is_sorted_by(|before, after| before.done < after.done),
        "each write has changed progress: {written:?}"
    );
    let record = record(&world, "7");
    assert_eq!((record.state, record.progress), (JobState::Succeeded, None), "a job that has ended has no progress");
}

#[tokio::test(start_paused = true)]
async fn an_approval_counts_what_it_reads_and_what_it_archives() {
    let (world, _) = archiving().await;
    integrate(&world, ACCOUNT, |integration| integration.partial_scan_percent = 0);
    let held = upload(&world, "second", &scan(1, failed(600))).await;
    assert_eq!(held.counts.archived, 0, "the findings are above the limit");
    world.sleep(3600).await;
    run_slowly(&world, "8", Job::Approve { run_id: held.run_id, pending: false, unproven: false }).await.unwrap();
    let written = written(&world);
    let last = written.last().unwrap();
    assert_eq!(last.total, Some(FINDINGS), "600 findings are read, and 2,400 archived");
    assert!((600..=FINDINGS).contains(&last.done), "{last:?}");
    for progress in &written {
        assert_eq!(totals(progress), [Some(800); 3], "{progress:?}");
    }
}

/// The totals of the Regions.
fn totals(progress: &JobProgress) -> Vec<Option<u64>> {
    progress.regions.values().map(|region| region.total).collect()
}

#[tokio::test(start_paused = true)]
async fn an_approval_shows_the_pending_findings_of_each_region_at_once() {
    let (world, _) = archiving().await;
    let with = |only_failed: bool| {
        integrate(&world, ACCOUNT, |integration| {
            (integration.partial_scan_percent, integration.only_failed) = (0, only_failed);
        });
    };
    with(true);
    let mut results = failed(600);
    for number in 3_000..4_800 {
        let mut passed = result(number, REGIONS[number as usize % 3]);
        passed.failed = false;
        results.push(passed);
    }
    let held = upload(&world, "second", &scan(1, results)).await;
    assert_eq!((held.counts.sent, held.counts.archived), (0, 0));
    world.sleep(3600).await;
    // Passed findings are exported since, and sent before anything is archived.
    with(false);
    let job = Job::Approve { run_id: held.run_id, pending: false, unproven: false };
    let approved = run_slowly(&world, "8", job).await.unwrap();
    assert_eq!((approved[0].counts.sent, approved[0].counts.archived), (1_800, 2_400));
    let written = written(&world);
    assert_eq!(totals(&written[0]), [Some(800); 3], "{written:?}");
    assert_eq!(totals(written.last().unwrap()), [Some(1_400); 3], "{written:?}");
}

#[tokio::test(start_paused = true)]
async fn a_replay_shows_the_totals_of_regions_once_they_are_decided() {
    let (world, _) = archiving().await;
    let parked = |enabled: bool| {
        integrate(&world, ACCOUNT, |integration| {
            integration.enabled = enabled;
            integration.resend = exporter::state::Resend::Always;
            (integration.partial_scan_percent, integration.archive_limit_percent) = (0, 100);
        })
    };
    parked(false);
    let run = upload(&world, "second", &scan(1, failed(1_500))).await;
    assert_eq!(run.counts.sent, 0);
    parked(true);
    let job = Job::Replay { run_id: run.run_id, next_run_ids: Vec::new() };
    let replayed = run_slowly(&world, "9", job).await.unwrap();
    assert_eq!((replayed[0].counts.sent, replayed[0].counts.archived), (1_500, 1_500));
    let written = written(&world);
    assert_eq!(totals(&written[0]), [None; 3], "while 1,500 findings are sent: {written:?}");
    let last = written.last().unwrap();
    assert_eq!(totals(last), [Some(1_000); 3], "while 1,500 are archived: {last:?}");
    assert!(last.regions.values().all(|region| region.done > 500 && region.done <= 1_000), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn progress_never_changes_a_job_that_has_ended() {
    let (world, job) = archiving().await;
    run_slowly(&world, "7", job.clone()).await.unwrap();
    let (ports, ended) = (world.ports(), record(&world, "7"));
    assert!(!ports.record_progress("7", &some_progress()).await.unwrap());
    assert_eq!(record(&world, "7"), ended);
    assert!(!ports.record_progress("unknown", &some_progress()).await.unwrap(), "progress doesn't create a record");

    // The same applies if the job is canceled while it runs.
    run_slowly(&world, "undo", Job::UndoArchive { run_id: ended.runs[0].clone() }).await.unwrap();
    world.sleep(3600).await;
    let before = written(&world).len();
    let cancel = async {
        tokio::time::sleep(PROGRESS_INTERVAL * 2).await;
        let canceled = record(&world, "8").completed(JobState::Canceled, None, Timestamp::UNIX_EPOCH);
        ports.cancel_job(&canceled).await.unwrap();
        (written(&world).len(), canceled)
    };
    let (_, (at_cancel, canceled)): (_, (usize, JobRecord)) = tokio::join!(run_slowly(&world, "8", job), cancel);
    assert!(at_cancel > before, "progress was written before the cancellation");
    assert_eq!(written(&world).len(), at_cancel, "no progress is written afterwards");
    assert_eq!(record(&world, "8"), canceled);
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_progress_can_not_be_written_succeeds() {
    let (world, job) = archiving().await;
    world.contents().faults.add(Fault::fail(Operation::WriteJobProgress));
    assert_eq!(run_slowly(&world, "7", job).await.unwrap()[0].counts.archived, FINDINGS);
    assert_eq!((record(&world, "7").state, written(&world)), (JobState::Succeeded, Vec::new()));
}
