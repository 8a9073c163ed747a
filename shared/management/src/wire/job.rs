//! Jobs in requests and responses.

use exporter::explain::Explanation;
use exporter::export::plan::PlanReport;
use exporter::jobs::{JobProgress, JobRecord, JobState};
use exporter::model::approval::Approval;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::ApiError;

/// The findings to approve. Default, even without a body: `pending`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApprovalBody {
    /// Archive the findings that the scan shows as resolved, even above `archive_limit_percent`. Default: true, unless `unproven`
    /// is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<bool>,
    /// Archive unproven findings. A scan that looks partial becomes the baseline for later scans.
    #[schema(default = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unproven: Option<bool>,
    /// Why it is approved. It is saved in the job and in the audit log.
    #[schema(min_length = 1, max_length = 500)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The export to plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanBody {
    /// The uploaded scan: `s3://BUCKET/KEY`.
    #[schema(min_length = 8, max_length = 1100, pattern = "^s3://[^/]+/.+$")]
    pub source: String,
}

/// The finding to explain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainBody {
    /// Its Id in Security Hub: `prowler-CHECK-ACCOUNT-REGION-HASH`.
    #[schema(min_length = 1, max_length = 512)]
    pub finding_id: String,
    /// Also fetch the finding from Security Hub.
    #[serde(default)]
    pub live: bool,
}

/// Why a job is submitted. The body is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReasonBody {
    /// The reason, on one line. It is saved in the job and in the audit log.
    #[schema(min_length = 1, max_length = 500)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl ApprovalBody {
    /// The approval.
    ///
    /// # Errors
    ///
    /// If it approves nothing.
    pub fn approval(&self) -> Result<Approval, ApiError> {
        let unproven = self.unproven.unwrap_or_default();
        if self.pending == Some(false) && !unproven {
            return Err(ApiError::field("pending", "must be true if unproven is false: otherwise nothing is approved"));
        }
        Ok(Approval::for_job(self.pending.unwrap_or_default(), unproven))
    }
}

/// A job of the exporter, with its state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobView {
    /// Unique ID, ordered by time.
    pub id: String,
    /// Type of the job: `replay`, `approve`, `undo_archive`, `redrive`, `reconcile`, `archive_all`,
    /// `plan`, or `explain`.
    pub job: String,
    /// Target of the job: a run, an account, an organization, an upload, or a finding. Null: all.
    #[schema(required = true)]
    pub target: Option<String>,
    /// State of the job.
    pub state: JobState,
    /// Why the job was rejected, failed, or was canceled, or what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Progress of the current attempt, if the job is pending and the attempt takes longer than a few seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<JobProgress>,
    /// The plan, if the job is a plan that succeeded and whose report still exists. Omitted in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Box<PlanReport>>,
    /// The explanation, if the job is one that succeeded and whose report still exists. Omitted in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Box<Explanation>>,
    /// Runs of its last attempt.
    pub runs: Vec<String>,
    /// Jobs that it submitted to continue its work.
    pub next_job_ids: Vec<String>,
    /// Time of submission.
    #[schema(value_type = String, format = DateTime)]
    pub submitted_at: Timestamp,
    /// Principal that submitted it.
    pub submitted_by: String,
    /// Reason for the submission, if specified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Time of completion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub completed_at: Option<Timestamp>,
}

impl JobView {
    /// Converts the stored value.
    pub fn of(record: JobRecord) -> Self {
        Self {
            job: record.job.name().to_owned(),
            target: record.job.target(),
            id: record.id,
            state: record.state,
            message: record.message,
            plan: None,
            explanation: None,
            progress: record.progress.filter(|_| record.state == JobState::Pending),
            runs: record.runs,
            next_job_ids: record.next_job_ids,
            submitted_at: record.submitted_at,
            submitted_by: record.submitted_by,
            reason: record.reason,
            completed_at: record.completed_at,
        }
    }
}
