//! A run: one export of one upload, as it is stored and shown.

use std::collections::BTreeMap;

use asff::{AccountId, RegionName, ScanFormat};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AccountReport, Counts};
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
    /// The account of the upload, if all findings that name an account have the same.
    pub fn only_account(&self) -> Option<AccountId> {
        let mut accounts = self.accounts.keys();
        accounts.next().copied().filter(|_| accounts.next().is_none())
    }

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
