//! A run: one export of one upload, as it is kept and shown.

use std::collections::BTreeMap;

use asff::{AccountId, RegionName, ScanFormat};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Counts, Drift};
use crate::problem::Problem;
use crate::upload::UploadInfo;

/// The code under which the quarantine keeps what is broken in the file.
pub const MALFORMED: &str = "malformed";

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// The run works on the upload.
    Running,
    /// Everything that should have been sent is in Security Hub.
    Succeeded,
    /// A user should look: quarantine, an unavailable Region, a truncated file, an account without integration.
    Degraded,
    /// A transient reason kept findings back; the upload is tried again.
    Failed,
    /// The upload holds nothing to export: no scan, no findings, or another format than the integration takes, as the reason says.
    Ignored,
    /// An earlier run exported the same upload.
    Duplicate,
    /// A newer scan of the account was exported before.
    Superseded,
    /// The time was over; what is left continues in the next run.
    Unfinished,
}

impl RunStatus {
    /// Whether the same upload is to be exported again, without a user's doing.
    pub fn should_retry(self) -> bool {
        matches!(self, Self::Failed | Self::Unfinished)
    }

    /// The word that tables and metrics show.
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
    /// Not known yet.
    #[default]
    Unread,
    /// Read to its end.
    Complete,
    /// It ends early: what it held was sent, nothing may be archived by it.
    Truncated {
        /// Where, in decompressed bytes.
        offset: u64,
        /// How it shows.
        reason: String,
    },
    /// Reading stopped before the end, for want of time.
    Stopped,
    /// It is no scan that we take.
    Refused {
        /// The reason, for people.
        message: String,
    },
}

/// One Region of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegionReport {
    /// Findings stored.
    pub sent: u64,
    /// How what had to be sent stood to what was last sent.
    #[serde(default)]
    pub changes: Changes,
    /// Findings that were there as they are.
    pub unchanged: u64,
    /// Findings filtered, by a setting or for what they are.
    #[serde(default)]
    pub filtered: u64,
    /// Findings of earlier scans that were archived.
    pub archived: u64,
    /// The time that the state has for them, by which `undo-archive` finds them: a Region's are all archived at one time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub archived_at: Option<Timestamp>,
    /// Findings taken over from what Security Hub held.
    pub adopted: u64,
    /// Pages of its findings that were read and saved, so that a further run continues behind them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pages_read: u64,
    /// Why nothing could be taken over, if it should have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption_skipped: Option<String>,
    /// Why nobody can tell whether Security Hub is still the one that the state is of, if so, and what helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub_unverified: Option<String>,
    /// How Security Hub and the state differed, where the run looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// Calls made, retries included.
    pub calls: u64,
    /// Calls that were throttled.
    pub throttled: u64,
    /// Calls that failed for another transient reason.
    pub retried: u64,
    /// Why what is over in this Region could not be looked for, if so. Another try of the run does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<String>,
    /// Why this Region accepts no findings, and the command that fixes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<Problem>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Findings that had to be sent, by why. Whether they arrived is another matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changes {
    /// Never sent before.
    pub new: u64,
    /// Its content differs, or it is unknown whether it arrived.
    pub changed: u64,
    /// It was archived and is back.
    pub reactivated: u64,
    /// Not sent for so long that Security Hub would soon forget it; or sent at every scan by the integration's wish.
    pub refresh_due: u64,
}

impl Changes {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.new + self.changed + self.reactivated + self.refresh_due
    }
}

/// One account of the scan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccountReport {
    /// The outcome of the account's findings.
    pub counts: Counts,
    /// Why nothing could be sent for the account, if so, and how to fix it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Why nothing was archived that the settings would have archived, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveSkipped>,
    /// Active findings that the scan proves nothing about, by their Region, service, and reason.
    #[serde(default, skip_serializing_if = "Unproven::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>>))]
    pub unproven: Unproven,
    /// The times of the file's scans, if it holds several of the account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, format = DateTime))]
    pub scan_times: Vec<Timestamp>,
    /// How the scan differs from the last whole one, if it looks partial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial_scan: Option<PartialScan>,
    /// The services of which a Region has no results now, though findings of them are active. None: the run did not look,
    /// since its settings archive nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncovered: Option<Vec<Uncovered>>,
    /// By Region.
    pub regions: BTreeMap<RegionName, RegionReport>,
}

/// Counts of unproven findings: Region, service, reason, findings.
pub type Unproven = BTreeMap<RegionName, BTreeMap<String, BTreeMap<String, u64>>>;

/// A scan that looks partial, beside the last whole scan of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PartialScan {
    /// PASS and FAIL entries.
    pub verdicts: u64,
    /// Distinct checks with such an entry.
    pub checks: u64,
    /// The same of the last whole scan.
    pub last_verdicts: u64,
    /// The same of the last whole scan.
    pub last_checks: u64,
    /// The time of the last whole scan.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub last_scanned_at: Timestamp,
}

/// A service of which a Region has no results, though findings of it are active.
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
    /// More than the integration's limit would be archived: a user must approve it.
    ArchiveRequiresApproval {
        /// Findings that are resolved by the scan.
        pending: u64,
        /// Active findings before the run.
        active: u64,
    },
    /// The scan can't be taken at its word.
    Incomplete {
        /// Why.
        why: String,
    },
}

/// What a run does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Exports an upload.
    #[default]
    Export,
    /// Makes active again what another run archived.
    UndoArchive,
    /// Sends what another run left in quarantine.
    Redrive,
    /// Compares Security Hub with the state, and fixes the difference.
    Reconcile,
    /// Archives everything that was sent for an account.
    ArchiveAll,
}

impl RunKind {
    /// Whether it works on one account and on nothing else.
    pub(crate) fn is_of_one_account(self) -> bool {
        matches!(self, Self::Reconcile | Self::ArchiveAll)
    }

    /// The word that tables and logs show.
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

/// A run: one export of one upload, or something that a user asked for about earlier ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Run))]
pub struct RunReport {
    /// Time-ordered, unique.
    pub run_id: String,
    /// What it does.
    #[serde(default)]
    pub kind: RunKind,
    /// The run that it is about, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_run_id: Option<String>,
    /// The job that it belongs to, where a user gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// How it ended.
    pub status: RunStatus,
    /// Why it did not simply succeed, for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// What was exported.
    pub upload: UploadInfo,
    /// In which format it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<ScanFormat>,
    /// Whether it was read to its end.
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
    /// The outcome of all findings.
    pub counts: Counts,
    /// By account.
    pub accounts: BTreeMap<AccountId, AccountReport>,
    /// The key of the quarantine object, where something is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<String>,
    /// The key of the list of findings that are archived upon approval, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    /// What still is there, by code, after some of it was sent again. None: all that the counts say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine_remaining: Option<BTreeMap<String, u64>>,
}

impl RunReport {
    /// A run that begins.
    pub fn new(run_id: String, upload: UploadInfo, started_at: Timestamp) -> Self {
        Self {
            run_id,
            kind: RunKind::Export,
            source_run_id: None,
            job_id: None,
            status: RunStatus::Running,
            reasons: Vec::new(),
            upload,
            format: None,
            read_status: ReadStatus::Unread,
            started_at,
            finished_at: None,
            scanned_at: None,
            counts: Counts::default(),
            accounts: BTreeMap::new(),
            quarantine: None,
            pending: None,
            quarantine_remaining: None,
        }
    }

    /// What lies in its quarantine, by code.
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

    /// The key under which the whole report is kept in the state bucket.
    pub fn key(run_id: &str) -> String {
        format!("runs/{run_id}/report.json")
    }

    /// The key of the run's list of findings that are archived upon approval.
    pub fn pending_key(run_id: &str) -> String {
        format!("runs/{run_id}/pending.jsonl")
    }

    /// The key of the run's quarantine object.
    pub fn quarantine_key(run_id: &str) -> String {
        format!("runs/{run_id}/quarantine.jsonl")
    }
}
