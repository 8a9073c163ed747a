//! How far a job is, in its record while it runs.
//!
//! Promises: progress is written at most every [`INTERVAL`], and only if it changed; it never delays the job, fails it, or
//! changes the record of one that has ended.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use asff::RegionName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::job::Job;
use super::record::JobStore;
use crate::ports::Clock;
use crate::progress::{Progress, RegionCounts};

/// Time between two writes of a job's progress. A job that ends sooner writes none; one that uses all of an invocation's 15 minutes
/// at most 450.
pub const INTERVAL: Duration = Duration::from_secs(2);

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobProgress {
    /// Findings processed by this attempt: for a replay or a plan those read from the upload, for an approval those and the ones that
    /// were archived, for a redrive those read from the quarantine, for a reconciliation those read from Security Hub, otherwise those
    /// that Security Hub stored.
    pub done: u64,
    /// Findings to process, as far as known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// The Regions: for a reconciliation the findings read from Security Hub, otherwise those that it stored.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, RegionProgress>))]
    pub regions: BTreeMap<RegionName, RegionProgress>,
    /// When it was written.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub updated_at: Timestamp,
}

/// How far a job is in one Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegionProgress {
    /// Findings processed.
    pub done: u64,
    /// Findings to process, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

impl JobProgress {
    /// The progress of a job.
    pub fn new(job: &Job, progress: &Progress, now: Timestamp) -> Self {
        let done = match job {
            Job::Replay { .. }
            | Job::Redrive { .. }
            | Job::Reconcile { .. }
            | Job::Plan { .. }
            | Job::Explain { .. } => progress.findings_read(),
            Job::Approve { .. } => progress.findings_read() + progress.findings_archived(),
            Job::UndoArchive { .. } | Job::ArchiveAll { .. } => progress.findings_sent(),
        };
        let is_comparison = matches!(job, Job::Reconcile { .. });
        let of_region = |RegionCounts { read, sent, expected }: RegionCounts| {
            let done = if is_comparison { read } else { sent };
            RegionProgress { done, total: expected.map(|total| total.max(done)) }
        };
        Self {
            done,
            // What was expected may be less: a finding that is sent twice, a scan that was not read to its end before.
            total: progress.findings_expected().map(|total| total.max(done)),
            regions: progress.regions().into_iter().map(|(region, counts)| (region, of_region(counts))).collect(),
            updated_at: now,
        }
    }

    /// Whether it is as far as another one.
    fn is_as_far_as(&self, other: &Self) -> bool {
        (self.done, self.total, &self.regions) == (other.done, other.total, &other.regions)
    }
}

/// Does the work of a job, and writes meanwhile how far it is, if the job has a record.
pub(super) async fn with_progress<P: JobStore + Clock, T>(
    ports: &P,
    id: Option<&str>,
    job: &Job,
    progress: &Progress,
    work: impl Future<Output = T>,
) -> T {
    let Some(id) = id else { return work.await };
    tokio::select! {
        biased;
        done = work => done,
        never = write_progress(ports, id, job, progress) => match never {},
    }
}

/// Writes the progress of a job until it is dropped. A write that is dropped with it and arrives all the same finds that the job
/// has ended.
async fn write_progress<P: JobStore + Clock>(ports: &P, id: &str, job: &Job, progress: &Progress) -> Infallible {
    let mut written: Option<JobProgress> = None;
    loop {
        tokio::time::sleep(INTERVAL).await;
        let now = JobProgress::new(job, progress, ports.now());
        if written.as_ref().is_some_and(|written| now.is_as_far_as(written)) {
            continue;
        }
        match tokio::time::timeout(INTERVAL, ports.record_progress(id, &now)).await {
            Ok(Ok(true)) => written = Some(now),
            // Ended or canceled meanwhile, or it has no record.
            Ok(Ok(false)) => return std::future::pending().await,
            Ok(Err(error)) => tracing::debug!(job.id = id, %error, "progress not recorded"),
            Err(_) => tracing::debug!(job.id = id, "progress not recorded in time"),
        }
    }
}
