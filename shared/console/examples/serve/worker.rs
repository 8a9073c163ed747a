//! Replaces the exporter: completes each pending job after a few seconds, and records a run.

use std::sync::Arc;
use std::time::Duration;

use exporter::jobs::{Job, JobProgress, JobState, RegionProgress};
use exporter::report::{AccountReport, Drift, RegionReport, RunKind, RunReport, RunStatus};
use exporter::testing::InMemory;
use jiff::Timestamp;

use crate::sample;

/// Duration of a job.
const JOB_SECONDS: i64 = 4;

/// Runs jobs until the process ends.
pub(crate) async fn run(memory: Arc<InMemory>) {
    let mut interval = tokio::time::interval(Duration::from_secs(1));
    loop {
        interval.tick().await;
        complete(&memory, Timestamp::now());
    }
}

/// The progress of a job after this number of seconds.
fn progress(seconds: i64, now: Timestamp) -> JobProgress {
    let share = |findings: u64| findings / JOB_SECONDS.unsigned_abs() * seconds.max(0).unsigned_abs();
    let regions = [("eu-west-1", 800), ("us-east-1", 400)].into_iter().filter_map(|(name, total)| {
        Some((name.parse().ok()?, RegionProgress { done: share(total), total: Some(total) }))
    });
    JobProgress { done: share(1_200), total: Some(1_200), regions: regions.collect(), updated_at: now }
}

/// A comparison with differences, which are fixed unless it is a dry run.
fn compared(dry_run: bool) -> AccountReport {
    let mut report = AccountReport::default();
    let drift = Drift { same: 3_210, missing: 4, unknown: 1, different: 2, ..Drift::default() };
    let drift = Drift { fixed: if dry_run { 0 } else { drift.total() }, ..drift };
    let region = RegionReport { drift: Some(drift), ..RegionReport::default() };
    report.regions.extend("eu-west-1".parse().ok().map(|name| (name, region)));
    report
}

fn complete(memory: &InMemory, now: Timestamp) {
    let contents = &mut *memory.contents();
    for index in 0..contents.jobs.len() {
        let record = contents.jobs[index].clone();
        if record.state != JobState::Pending {
            continue;
        }
        let seconds = now.duration_since(record.submitted_at).as_secs();
        if seconds < JOB_SECONDS {
            contents.jobs[index].progress = Some(progress(seconds, now));
            continue;
        }
        if let Some(report) = sample::report(&record.job, now) {
            contents.put_job_report(&record.id, &report);
            contents.jobs[index] = record.completed(JobState::Succeeded, None, now);
            continue;
        }
        let (kind, of) = match &record.job {
            Job::Approve { run_id, .. } | Job::Replay { run_id, .. } => (RunKind::Export, Some(run_id)),
            Job::UndoArchive { run_id } => (RunKind::UndoArchive, Some(run_id)),
            Job::Redrive { run_id, .. } => (RunKind::Redrive, run_id.as_ref()),
            Job::Reconcile { .. } => (RunKind::Reconcile, None),
            Job::ArchiveAll { .. } => (RunKind::ArchiveAll, None),
            Job::Plan { .. } | Job::Explain { .. } => continue,
        };
        let before =
            of.and_then(|of| contents.runs.iter().find(|run| run.run_id == *of)).or(contents.runs.first()).cloned();
        let Some(before) = before else { continue };
        let id = format!("0193b{:03x}-0000-7c41-9a3b-000000000000", contents.runs.len());
        let mut run = RunReport::new(id.clone(), before.upload.clone(), now);
        (run.kind, run.source_run_id, run.job_id) = (kind, of.cloned(), Some(record.id.clone()));
        (run.status, run.finished_at, run.scanned_at) = (RunStatus::Succeeded, Some(now), before.scanned_at);
        run.read_status = before.read_status.clone();
        run.accounts = before.accounts.keys().map(|account| (*account, Default::default())).collect();
        if let Job::Approve { .. } = record.job {
            run.counts.archived = 108;
            run.accounts.values_mut().for_each(|report| report.counts.archived = 108);
        }
        if let Job::Reconcile { provider: Some(provider), dry_run, .. } = &record.job {
            run.accounts = provider.account().into_iter().map(|account| (account, compared(*dry_run))).collect();
        }
        if let (Job::Redrive { .. }, Some(of)) = (&record.job, of) {
            let redriven = contents.runs.iter_mut().filter(|run| run.run_id == *of);
            redriven.for_each(|run| run.quarantine_remaining = Some(Default::default()));
        }
        contents.runs.push(run);
        let mut done = record.completed(JobState::Succeeded, None, now);
        done.runs = vec![id];
        contents.jobs[index] = done;
    }
}
