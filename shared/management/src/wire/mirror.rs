//! The exporter's own types as the API describes them. They travel as the exporter serialises them; a test holds these
//! descriptions to that.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::words::Format;

/// What the newest check of an account found.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// The account.
    pub account: String,
    /// The provider by whose integration it is reached.
    pub provider: String,
    /// `connected`, `degraded` or `disconnected`.
    pub status: String,
    /// When the check ended.
    #[schema(format = DateTime)]
    pub checked_at: String,
    /// Since when the Regions are those of an earlier check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_since: Option<String>,
    /// The ARN of the caller that the credentials gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Why there is no connection, where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<ConnectionProblem>,
    /// What works, and should not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<ConnectionProblem>,
    /// When the role was last tried without its External ID, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id_check: Option<ExternalIdCheck>,
    /// Each Region that was looked at.
    pub regions: BTreeMap<String, RegionConnection>,
}

/// The newest trial to assume a role without its External ID: once a day, since CloudTrail records that it is denied.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExternalIdCheck {
    /// When STS answered.
    #[schema(format = DateTime)]
    pub checked_at: String,
    /// The ARN of the role.
    pub role: String,
    /// The External ID that was left out.
    pub external_id: String,
}

/// One Region of an account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegionConnection {
    /// `enabled`, `hub_not_enabled`, `product_not_accepted`, `region_not_opted_in`, `access_denied` or `unreachable`.
    pub status: String,
    /// Since when it is so.
    #[schema(format = DateTime)]
    pub since: String,
    /// When it was lost, if it took findings before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_at: Option<String>,
    /// Since when this is what an earlier check found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_since: Option<String>,
    /// What is wrong, and how to fix it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<ConnectionProblem>,
}

/// Something that a user must fix.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionProblem {
    /// A short name.
    pub reason: String,
    /// What happened.
    pub message: String,
    /// What fixes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
}

/// A change, as the audit log keeps it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    /// Time-ordered, unique.
    pub id: String,
    /// When it was made.
    #[schema(format = DateTime)]
    pub at: String,
    /// Who made it: made sure of by AWS behind a Function URL, what the client said by direct invocation.
    pub by: String,
    /// What was done, such as `integration.update`.
    pub action: String,
    /// To what: an id of a provider, or of a run.
    pub target: String,
    /// What is different now, by the setting's path.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub changes: BTreeMap<String, FieldChange>,
}

/// A setting before and after.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldChange {
    /// Before; left out, where it was not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// After; left out, where it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

/// A run: one export of one upload.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// Time-ordered, unique.
    pub run_id: String,
    /// What it does: `export`, `undo_archive`, `redrive`, `reconcile` or `archive_all`.
    pub kind: String,
    /// The run that it is about, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// The job that it belongs to, where a user gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// `running`, `succeeded`, `degraded`, `failed`, `ignored`, `duplicate`, `superseded` or `unfinished`.
    pub status: String,
    /// Why it did not simply succeed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// What was exported: source, etag, bytes, `modified_at`.
    #[schema(value_type = Object)]
    pub upload: Value,
    /// In which format it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// Whether it was read to its end: a state, and where and why it ended otherwise.
    #[schema(value_type = Object)]
    pub file_end: Value,
    /// When it began.
    #[schema(format = DateTime)]
    pub started_at: String,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// The newest scan time among the findings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanned_at: Option<String>,
    /// The fate of all findings: read, sent, unchanged, filtered, `region_unavailable`, quarantined, unreadable,
    /// undelivered, and what was repaired and archived; of earlier scans' findings those that are absent or unproven and stay
    /// active.
    #[schema(value_type = Object)]
    pub counts: Value,
    /// By account: counts, problem, archive, unproven (by Region, service and reason), `scan_times`, `partial_scan`, `uncovered`,
    /// and by Region what was sent.
    #[schema(value_type = Object)]
    pub accounts: Value,
    /// The key of the quarantine object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<String>,
    /// The key of the list of findings that are archived upon approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    /// What still lies there, by code, after some of it was sent again. Left out: all that the counts say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine_left: Option<BTreeMap<String, u64>>,
}

/// A finding that is archived upon approval.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PendingFinding {
    /// The account.
    pub account: String,
    /// The finding's ID.
    pub finding_id: String,
    /// The check's ID.
    pub check_id: String,
    /// The check's ID up to the first underscore.
    pub service: String,
    /// The Region of the resource.
    pub region: String,
    /// The severity label.
    pub severity: String,
    /// The ID of the first resource.
    pub resource_id: String,
    /// When a scan first had it.
    #[schema(format = DateTime)]
    pub first_observed_at: String,
    /// The evidence: `passed`, `muted`, `moved`, `proven`, `absent` or `unproven`.
    pub class: String,
    /// `archive_limit`, or why the finding is unproven: `file_truncated`, `several_scan_times`, `partial_scan`,
    /// `malformed_entries`, `manual_check`, `no_region_results`, `no_service_results` or `no_file_end`.
    pub reason: String,
}
