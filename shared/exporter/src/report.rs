//! What an export did with every finding that it read. The counts must add up; where they do not, the run fails.

use std::collections::BTreeMap;

use asff::{AccountId, RegionName, ScanFormat};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::upload::UploadInfo;

/// What became of a finding. Every finding that is read has exactly one fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Security Hub stored it.
    Sent,
    /// It is in Security Hub as it is.
    Unchanged,
    /// A setting, or the nature of the finding, keeps it back.
    Filtered(String),
    /// Its Region does not take findings.
    RegionUnavailable(RegionName, String),
    /// It can't be mapped, or the service refuses it; it is kept in quarantine under this code.
    Quarantined(String),
    /// The file is broken at its place.
    Unreadable,
    /// It should have been sent and was not. It can be sent by a later run.
    Undelivered(String),
}

/// The reasons for which findings are left to a later run.
pub mod undelivered {
    /// The account has no integration.
    pub const NO_INTEGRATION: &str = "no_integration";
    /// The account's integration is disabled.
    pub const INTEGRATION_DISABLED: &str = "integration_disabled";
    /// The integration's credentials could not be had just now.
    pub const CREDENTIALS_UNAVAILABLE: &str = "credentials_unavailable";
    /// Over the quota for longer than we wait.
    pub const THROTTLED: &str = "throttled";
    /// Errors of the service, or connections that break.
    pub const SERVICE_ERROR: &str = "service_error";
    /// The run's time was over.
    pub const OUT_OF_TIME: &str = "out_of_time";

    /// Whether the cause may pass by itself, so that another try is worth it.
    pub fn passes(reason: &str) -> bool {
        [CREDENTIALS_UNAVAILABLE, THROTTLED, SERVICE_ERROR, OUT_OF_TIME].contains(&reason)
    }
}

/// How many findings had which fate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Findings read from the file, broken ones included.
    pub read: u64,
    /// Stored by Security Hub.
    pub sent: u64,
    /// Not sent, since Security Hub has them as they are.
    pub unchanged: u64,
    /// Kept back, by reason.
    pub filtered: BTreeMap<String, u64>,
    /// Not taken by their Region, by Region and reason.
    pub region_unavailable: BTreeMap<String, BTreeMap<String, u64>>,
    /// In quarantine, by code.
    pub quarantined: BTreeMap<String, u64>,
    /// Broken in the file.
    pub unreadable: u64,
    /// Left to a later run, by reason.
    pub undelivered: BTreeMap<String, u64>,
    /// Changed to keep the service's limits. Not a fate: these are counted above as well.
    pub repaired: u64,
    /// Sent to the fallback Region. Not a fate: these are counted above as well.
    pub redirected: u64,
}

impl Counts {
    /// Counts `findings` with one fate.
    pub fn add(&mut self, fate: Fate, findings: u64) {
        if findings == 0 {
            return;
        }
        match fate {
            Fate::Sent => self.sent += findings,
            Fate::Unchanged => self.unchanged += findings,
            Fate::Filtered(reason) => *self.filtered.entry(reason).or_default() += findings,
            Fate::RegionUnavailable(region, reason) => {
                let reasons = self.region_unavailable.entry(region.to_string()).or_default();
                *reasons.entry(reason).or_default() += findings;
            }
            Fate::Quarantined(code) => *self.quarantined.entry(code).or_default() += findings,
            Fate::Unreadable => self.unreadable += findings,
            Fate::Undelivered(reason) => *self.undelivered.entry(reason).or_default() += findings,
        }
    }

    /// Adds the counts of a part to those of the whole.
    pub fn merge(&mut self, part: &Self) {
        self.read += part.read;
        self.sent += part.sent;
        self.unchanged += part.unchanged;
        self.unreadable += part.unreadable;
        self.repaired += part.repaired;
        self.redirected += part.redirected;
        merge_maps(&mut self.filtered, &part.filtered);
        merge_maps(&mut self.quarantined, &part.quarantined);
        merge_maps(&mut self.undelivered, &part.undelivered);
        for (region, reasons) in &part.region_unavailable {
            merge_maps(self.region_unavailable.entry(region.clone()).or_default(), reasons);
        }
    }

    /// The findings whose fate is known. Equal to `read` where nothing was lost.
    pub fn accounted(&self) -> u64 {
        self.sent
            + self.unchanged
            + self.unreadable
            + total(&self.filtered)
            + total(&self.quarantined)
            + total(&self.undelivered)
            + self.region_unavailable_total()
    }

    /// Whether every finding has exactly one fate.
    pub fn balanced(&self) -> bool {
        self.read == self.accounted()
    }

    /// Findings kept back, whatever the reason.
    pub fn filtered_total(&self) -> u64 {
        total(&self.filtered)
    }

    /// Findings in quarantine, whatever the code.
    pub fn quarantined_total(&self) -> u64 {
        total(&self.quarantined)
    }

    /// Findings left to a later run, whatever the reason.
    pub fn undelivered_total(&self) -> u64 {
        total(&self.undelivered)
    }

    /// Findings that their Regions do not take.
    pub fn region_unavailable_total(&self) -> u64 {
        self.region_unavailable.values().map(total).sum()
    }
}

fn total(by_reason: &BTreeMap<String, u64>) -> u64 {
    by_reason.values().sum()
}

fn merge_maps(whole: &mut BTreeMap<String, u64>, part: &BTreeMap<String, u64>) {
    for (key, count) in part {
        *whole.entry(key.clone()).or_default() += count;
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// The run works on the upload.
    Running,
    /// Everything that should have been sent is in Security Hub.
    Succeeded,
    /// Somebody should look: quarantine, an unavailable Region, a truncated file, an account without integration.
    Degraded,
    /// Something passing kept findings back; the upload is tried again.
    Failed,
    /// The upload holds no scan, for the reason given.
    Ignored,
    /// An earlier run exported the same upload.
    Duplicate,
}

impl RunStatus {
    /// The word that tables and metrics show.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::Ignored => "ignored",
            Self::Duplicate => "duplicate",
        }
    }
}

/// Whether the file was read to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum FileEnd {
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
pub struct RegionReport {
    /// Findings stored.
    pub sent: u64,
    /// Calls made, retries included.
    pub calls: u64,
    /// Calls that were throttled.
    pub throttled: u64,
    /// Calls that failed for another passing reason.
    pub retried: u64,
    /// Why this Region takes no findings, and the command that mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<Unavailable>,
}

/// Why a Region takes no findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unavailable {
    /// A short name: `hub_not_enabled`, `product_not_accepted`, `region_not_opted_in`, `access_denied`, ...
    pub reason: String,
    /// What the service said.
    pub message: String,
    /// What mends it: a command to type where there is one.
    pub mend: String,
}

/// One account of the scan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountReport {
    /// The fate of the account's findings.
    pub counts: Counts,
    /// Why nothing could be sent for the account, if so, and what mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// By Region.
    pub regions: BTreeMap<RegionName, RegionReport>,
}

/// A run: one export of one upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReport {
    /// Time-ordered, unique.
    pub run_id: String,
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
    pub file_end: FileEnd,
    /// When the run began.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The newest scan time among the findings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanned_at: Option<Timestamp>,
    /// The fate of all findings.
    pub counts: Counts,
    /// By account.
    pub accounts: BTreeMap<AccountId, AccountReport>,
    /// The key of the quarantine object, where something is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<String>,
}

impl RunReport {
    /// A run that begins.
    pub fn begin(run_id: String, upload: UploadInfo, started_at: Timestamp) -> Self {
        Self {
            run_id,
            status: RunStatus::Running,
            reasons: Vec::new(),
            upload,
            format: None,
            file_end: FileEnd::Unread,
            started_at,
            finished_at: None,
            scanned_at: None,
            counts: Counts::default(),
            accounts: BTreeMap::new(),
            quarantine: None,
        }
    }

    /// The key under which the whole report is kept in the state bucket.
    pub fn key(run_id: &str) -> String {
        format!("runs/{run_id}/report.json")
    }

    /// The key of the run's quarantine object.
    pub fn quarantine_key(run_id: &str) -> String {
        format!("runs/{run_id}/quarantine.jsonl")
    }
}
