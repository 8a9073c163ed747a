//! The progress of a job.

use std::collections::BTreeMap;

use asff::RegionName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::job::Job;
use crate::progress::{Progress, RegionCounts};

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
