//! A run: one export of one upload, as it is stored and shown.

use std::collections::BTreeMap;

use asff::{AccountId, RegionName, ScanFormat};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Counts, Drift, PendingArchive};
use crate::model::problem::Problem;
use crate::model::provider::ProviderId;
use crate::model::upload::UploadInfo;

/// The code of malformed elements in the quarantine.
pub const MALFORMED: &str = "malformed";

/// The status of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// The run is in progress.
    Running,
    /// Everything that should have been sent is in Security Hub.
    Succeeded,
    /// The run needs attention: quarantined findings, an unavailable Region, a truncated file, or an account without an
    /// integration.
    Degraded,
    /// Findings are undelivered for a transient reason; the upload is retried.
    Failed,
    /// The upload has nothing to export: it isn't a scan, has no findings, or has another format than the integration's.
    Ignored,
    /// An earlier run exported the same upload.
    Duplicate,
    /// A newer scan of the account was exported before.
    Superseded,
    /// The time ended; the next invocation continues.
    Unfinished,
}

impl RunStatus {
    /// Whether the same upload must be exported again automatically.
    pub fn should_retry(self) -> bool {
        matches!(self, Self::Failed | Self::Unfinished)
    }

    /// The value in tables and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::Ignored => "ignored",
            Self::Duplicate => "duplicate",
            Self::Superseded => "superseded",
            Self::Unfinished => "unfinished",
        }
    }
}

/// Whether the file was read to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ReadStatus {
    /// The file was not read yet.
    #[default]
    Unread,
    /// Read to its end.
    Complete,
    /// The file ends early. Its findings were sent; nothing is archived for being absent from it.
    Truncated {
        /// The offset of the end, in decompressed bytes.
        offset: u64,
        /// The sign of truncation.
        reason: String,
    },
    /// Reading stopped before the end of the file: deadline exceeded.
    Stopped,
    /// The file is not a supported scan.
    Rejected {
        /// The reason as text.
        message: String,
    },
}

/// The results of one Region of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegionReport {
    /// Findings stored.
    pub sent: u64,
    /// The findings to send, compared with what was last sent.
    #[serde(default)]
    pub changes: Changes,
    /// Findings that Security Hub already has with this content.
    pub unchanged: u64,
    /// Findings filtered.
    #[serde(default)]
    pub filtered: u64,
    /// Findings of earlier scans that were archived.
    pub archived: u64,
    /// Active findings in the Region's Security Hub after the run, by the state. Includes copies of other Regions' findings. Absent
    /// if the state was not read or not saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<u64>,
    /// When these findings were archived, by the state; `undo-archive` finds them by this time. A Region's findings are all
    /// archived at one time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub archived_at: Option<Timestamp>,
    /// Findings adopted from Security Hub.
    pub adopted: u64,
    /// Pages of the Region's findings that were read and saved, after which a later run continues.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pages_read: u64,
    /// Why nothing was adopted, although it should have been. Absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption_skipped: Option<String>,
    /// Set if it can't be determined whether Security Hub was disabled and enabled again since the state was saved: the
    /// reason and the remediation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub_unverified: Option<String>,
    /// The differences between Security Hub and the state, if the run compared them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// Calls made, retries included.
    pub calls: u64,
    /// Calls that were throttled.
    pub throttled: u64,
    /// Calls that failed for another transient reason.
    pub retried: u64,
    /// Why it is unknown which findings of this Region are resolved; a retry of the run determines it. Absent if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<String>,
    /// Why this Region is unavailable, and the command that fixes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<Problem>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde requires a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Findings to send, by reason. They were not necessarily delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changes {
    /// Never sent before.
    pub new: u64,
    /// Its content changed, or it is unknown whether it arrived.
    pub changed: u64,
    /// It was archived and failed again.
    pub reactivated: u64,
    /// Not sent for so long that Security Hub would soon delete it, or sent with every scan because the integration is
    /// configured to do so.
    pub refresh_due: u64,
}

impl Changes {
    /// The sum of all reasons.
    pub fn total(&self) -> u64 {
        self.new + self.changed + self.reactivated + self.refresh_due
    }
}

/// The results of one account of the scan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccountReport {
    /// The integration of the account. Absent if the account has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub integration: Option<ProviderId>,
    /// The outcome of the account's findings.
    pub counts: Counts,
    /// Why nothing could be sent for the account, and how to fix it. Absent if findings could be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Why findings were not archived although the settings would archive them. Absent if they were archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveSkipped>,
    /// The findings that are archived upon approval, by service and Region, if there are any. Lists of runs don't have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_archive: Option<PendingArchive>,
    /// Active findings that the scan proves nothing about, by their Region, service, and reason.
    #[serde(default, skip_serializing_if = "Unproven::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>>))]
    pub unproven: Unproven,
    /// The times of the file's scans, if it has several of the account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, format = DateTime))]
    pub scan_times: Vec<Timestamp>,
    /// How the scan differs from the last whole scan, if it looks partial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial_scan: Option<PartialScan>,
    /// The services without results in a Region although findings of them are active. Absent if the run did not determine
    /// them, since its settings archive nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncovered: Option<Vec<Uncovered>>,
    /// Quarantined and undelivered findings by Region: that of the resource, or the fallback Region that they go to. They are among
    /// `counts`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<RegionName, u64>,
    /// The results by Region.
    pub regions: BTreeMap<RegionName, RegionReport>,
}

impl AccountReport {
    /// Adds quarantined and undelivered findings.
    pub(crate) fn add_errors(&mut self, errors: &BTreeMap<RegionName, u64>) {
        for (region, findings) in errors {
            *self.errors.entry(*region).or_default() += findings;
        }
    }
}

/// Numbers of unproven findings, by Region, service, and reason.
pub type Unproven = BTreeMap<RegionName, BTreeMap<String, BTreeMap<String, u64>>>;

/// A scan that looks partial, compared with the last whole scan of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PartialScan {
    /// PASS and FAIL entries.
    pub verdicts: u64,
    /// Distinct checks with PASS or FAIL entries.
    pub checks: u64,
    /// PASS and FAIL entries of the last whole scan.
    pub last_verdicts: u64,
    /// Distinct checks of the last whole scan.
    pub last_checks: u64,
    /// The time of the last whole scan.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub last_scanned_at: Timestamp,
}

/// A service without results in a Region although findings of it are active.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Uncovered {
    /// The Region of the findings.
    pub region: RegionName,
    /// The service: a check's ID up to the first underscore.
    pub service: String,
    /// The reason, such as `no_service_results`.
    pub reason: String,
    /// Active findings without evidence.
    pub findings: u64,
    /// The time of the first scan without results.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
}

/// Why a run did not archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum ArchiveSkipped {
    /// More findings than the archive limit are resolved: archiving them requires approval.
    ArchiveRequiresApproval {
        /// Findings that the scan shows as resolved.
        pending: u64,
        /// Active findings before the run.
        active: u64,
    },
    /// The scan is incomplete or can't be trusted.
    Incomplete {
        /// The reason.
        why: String,
    },
}

/// The kind of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Exports an upload.
    #[default]
    Export,
    /// Makes findings active again that another run archived.
    UndoArchive,
    /// Sends the findings in the quarantine of another run.
    Redrive,
    /// Compares Security Hub with the state, and fixes the differences.
    Reconcile,
    /// Archives everything that was sent for an account.
    ArchiveAll,
}

impl RunKind {
    /// Whether the run is about exactly one account.
    pub(crate) fn is_of_one_account(self) -> bool {
        matches!(self, Self::Reconcile | Self::ArchiveAll)
    }

    /// The value in tables and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::UndoArchive => "undo_archive",
            Self::Redrive => "redrive",
            Self::Reconcile => "reconcile",
            Self::ArchiveAll => "archive_all",
        }
    }
}

/// The trigger of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunTrigger {
    /// An upload to the scan bucket.
    #[default]
    Upload,
    /// A replay of an earlier run.
    Replay,
    /// An approval of findings that an earlier run did not archive.
    Approval,
    /// Another job.
    Job,
    /// `hubctl export`.
    Command,
}

impl RunTrigger {
    /// The word that tables show.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Replay => "replay",
            Self::Approval => "approval",
            Self::Job => "job",
            Self::Command => "command",
        }
    }
}

/// A run: one export of one upload, or a job that a user submitted about earlier runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Run))]
pub struct RunReport {
    /// The ID. IDs are unique and ordered by time.
    pub run_id: String,
    /// The kind.
    #[serde(default)]
    pub kind: RunKind,
    /// The run that this one refers to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_run_id: Option<String>,
    /// The job that the run belongs to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// The trigger. Absent in runs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<RunTrigger>,
    /// The status.
    pub status: RunStatus,
    /// Why the status is not `succeeded`, one sentence for each reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// The upload.
    pub upload: UploadInfo,
    /// The format of the scan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<ScanFormat>,
    /// Whether the upload was read to its end.
    pub read_status: ReadStatus,
    /// When the run began.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub finished_at: Option<Timestamp>,
    /// The newest scan time among the findings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub scanned_at: Option<Timestamp>,
    /// The outcomes of all findings.
    pub counts: Counts,
    /// Malformed and quarantined entries that are in no account's counts, by the Region that they name, if they name one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<RegionName, u64>,
    /// The results by account.
    pub accounts: BTreeMap<AccountId, AccountReport>,
    /// The key of the quarantine object, if the run has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<String>,
    /// The key of the list of findings that require approval to be archived, if the run has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    /// Remaining entries of the quarantine, by code, after some were sent again. Absent if none were: then the counts apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine_remaining: Option<BTreeMap<String, u64>>,
}

impl RunReport {
    /// A run that has just begun.
    pub fn new(run_id: String, upload: UploadInfo, started_at: Timestamp) -> Self {
        Self {
            run_id,
            kind: RunKind::Export,
            source_run_id: None,
            job_id: None,
            trigger: None,
            status: RunStatus::Running,
            reasons: Vec::new(),
            upload,
            format: None,
            read_status: ReadStatus::Unread,
            started_at,
            finished_at: None,
            scanned_at: None,
            counts: Counts::default(),
            errors: BTreeMap::new(),
            accounts: BTreeMap::new(),
            quarantine: None,
            pending: None,
            quarantine_remaining: None,
        }
    }

    /// The entries in its quarantine, by code.
    pub fn in_quarantine(&self) -> BTreeMap<String, u64> {
        if self.quarantine.is_none() {
            return BTreeMap::new();
        }
        self.quarantine_remaining.clone().unwrap_or_else(|| {
            let malformed = (self.counts.malformed > 0).then(|| (MALFORMED.to_owned(), self.counts.malformed));
            let mut codes = self.counts.quarantined.clone();
            for (code, findings) in malformed.into_iter().chain(self.counts.archive_rejected.clone()) {
                *codes.entry(code).or_default() += findings;
            }
            codes
        })
    }

    /// The key of the complete report in the state bucket.
    pub fn key(run_id: &str) -> String {
        format!("runs/{run_id}/report.json")
    }

    /// The key of the run's list of findings that require approval to be archived.
    pub fn pending_key(run_id: &str) -> String {
        format!("runs/{run_id}/pending.jsonl")
    }

    /// The key of the run's quarantine object.
    pub fn quarantine_key(run_id: &str) -> String {
        format!("runs/{run_id}/quarantine.jsonl")
    }
}
