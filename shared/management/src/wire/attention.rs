//! The attention list: one entry per problem, most urgent first.

use asff::{AccountId, RegionName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why something needs attention, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttentionKind {
    /// A run would archive more than the limit of its integration, and archived nothing. `count` of `total` active findings.
    ArchiveRequiresApproval,
    /// No Region of the account accepts findings; of an organization, `count` of `total` accounts.
    Disconnected,
    /// A Region that accepted findings no longer does; of an organization, in `count` of `total` accounts if more than one.
    RegionUnavailable,
    /// `count` findings of the account's newest run were not sent.
    Undelivered,
    /// A job failed, and its message is in the dead-letter queue.
    JobFailed,
    /// `count` active findings are unproven: the newest scan of the account has no evidence about them.
    CoverageLost,
    /// `count` findings of all runs are in quarantine; `run_id` is the newest of these runs.
    Quarantine,
    /// The scan that was due at `since` has not arrived.
    ScanOverdue,
    /// `count` uploads were recorded while the integration was disabled, and not exported.
    PendingUploads,
}

/// An item that needs attention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttentionItem {
    /// The kind of item.
    pub kind: AttentionKind,
    /// The integration: the ID of its account or organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integration: Option<String>,
    /// The name of the integration's account or organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub account: Option<AccountId>,
    /// The Region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub region: Option<RegionName>,
    /// The run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// Number of findings, accounts, or uploads, depending on `kind`; otherwise 1.
    pub count: u64,
    /// The number that `count` is a part of: all accounts of the integration, or all active findings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// When the problem began, or the start time of the run or job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Description of the problem, one sentence.
    pub message: String,
    /// The command that fixes the problem, or that shows what to decide.
    pub remediation: String,
}

/// The items that need attention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttentionList {
    /// The entries, most urgent first; at most 100.
    pub items: Vec<AttentionItem>,
    /// Number of further items, which are omitted.
    pub more: u64,
    /// Number of runs that were read, newest first. For an account without a run among them, only the connection counts.
    pub runs_read: u64,
    /// Start time of the newest run, if any.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_run_at: Option<Timestamp>,
}
