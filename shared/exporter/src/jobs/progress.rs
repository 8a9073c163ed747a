//! The progress of a job.

use std::collections::BTreeMap;

use asff::RegionName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::job::Job;
use crate::progress::{Progress, RegionCounts};

/// The progress of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobProgress {
    /// Findings processed by this attempt: read from the upload (replay, plan), read and archived (approval), read from
    /// the quarantine (redrive), read from Security Hub (reconciliation), or stored by Security Hub (other jobs).
    pub done: u64,
    /// Number of findings to process, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Progress by Region: findings read from Security Hub for a reconciliation, otherwise findings that it stored. The
    /// totals of a replay are known once the scan was read and it was decided what is archived; until then, those of an
    /// approval are the findings to archive.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, RegionProgress>))]
    pub regions: BTreeMap<RegionName, RegionProgress>,
    /// When the progress was saved.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub updated_at: Timestamp,
}

/// The progress of a job in one Region.
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
        let of_region = |RegionCounts { read, sent, expected, planned }: RegionCounts| {
            let done = if is_comparison { read } else { sent };
            RegionProgress { done, total: planned.or(expected).map(|total| total.max(done)) }
        };
        Self {
            done,
            // The expected number may be too small: a finding may be sent twice, or an earlier run did not read the
            // scan to its end.
            total: progress.findings_expected().map(|total| total.max(done)),
            regions: progress.regions().into_iter().map(|(region, counts)| (region, of_region(counts))).collect(),
            updated_at: now,
        }
    }

    /// Whether it equals another progress, ignoring the time.
    pub(super) fn is_as_far_as(&self, other: &Self) -> bool {
        (self.done, self.total, &self.regions) == (other.done, other.total, &other.regions)
    }
}
