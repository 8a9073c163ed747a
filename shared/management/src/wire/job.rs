//! Jobs, as they travel.

use exporter::approval::Approval;
use exporter::jobs::{JobRecord, JobState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::ApiError;

/// What is approved. Nothing named, or no body: what is pending.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApprovalBody {
    /// Archive the findings that the scan shows as resolved, also above `archive_limit_percent`. True if `unproven` is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<bool>,
    /// Archive the findings that the scan proves nothing about, and make a scan that looks partial the one that later scans
    /// are compared with.
    #[schema(default = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unproven: Option<bool>,
}

impl ApprovalBody {
    /// The approval.
    ///
    /// # Errors
    ///
    /// When it approves nothing.
    pub fn approval(&self) -> Result<Approval, ApiError> {
        let unproven = self.unproven.unwrap_or_default();
        if self.pending == Some(false) && !unproven {
            return Err(ApiError::field("pending", "must be true if unproven is not: nothing would be approved"));
        }
        Ok(Approval::for_job(self.pending.unwrap_or_default(), unproven))
    }
}

/// Work that was handed to the exporter, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobView {
    /// Time-ordered, unique.
    pub id: String,
    /// What was submitted: `replay`, `approve`, `undo_archive`, `redrive`, `reconcile` or `archive_all`.
    pub job: String,
    /// The run, the account or the organization that it is about. Null: all there are.
    #[schema(required = true)]
    pub target: Option<String>,
    /// How it stands.
    pub state: JobState,
    /// Why it is refused, failed or undone, or what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The runs of its last attempt, which say with what result it was run.
    pub runs: Vec<String>,
    /// jobs that it placed, and that go on with it.
    pub next_job_ids: Vec<String>,
    /// When it was placed.
    #[schema(value_type = String, format = DateTime)]
    pub submitted_at: Timestamp,
    /// Who placed it.
    pub submitted_by: String,
    /// When it was settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub completed_at: Option<Timestamp>,
}

impl JobView {
    /// As it is kept.
    pub fn of(record: JobRecord) -> Self {
        let JobRecord { id, job, state, message, runs, next_job_ids, submitted_at, submitted_by, completed_at, .. } =
            record;
        let (name, target) = (job.name().to_owned(), job.target());
        Self { id, job: name, target, state, message, runs, next_job_ids, submitted_at, submitted_by, completed_at }
    }
}
