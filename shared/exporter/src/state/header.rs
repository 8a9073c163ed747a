//! The metadata of a state file: the header before its entries, and the tail after them.

use asff::{AccountId, RegionName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::finding::{FindingKey, FindingMeta};

/// How far the service's responses are trusted. They may lag behind what was sent recently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// A finding is as the service shows it, since this deployment sent nothing recently.
    Content,
    /// A finding exists, but may differ from what the service shows: it is resent when a scan has it.
    Existence,
}

/// The progress of an adoption that needs more than one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptionProgress {
    /// The token of the next page. If the service no longer accepts it, the reading starts again.
    pub next: Option<String>,
    /// How far the adopted findings are trusted.
    pub trust: Trust,
    /// The number of runs that have read pages.
    pub runs: u32,
    /// Why no run continues the adoption: then scans are compared only with what was read. `None` while it continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
}

impl AdoptionProgress {
    /// An adoption that was denied: the next run that has permission starts it.
    pub(crate) fn postponed() -> Self {
        Self { next: None, trust: Trust::Content, runs: 0, given_up: None }
    }
}

/// The account, the Region, and the scan of a state file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateHeader {
    /// The account.
    pub account: AccountId,
    /// The Region whose Security Hub has the findings.
    pub region: RegionName,
    /// When the hub was enabled. `None` if unknown. A different time means a different hub: the state must be adopted
    /// again.
    pub hub_since: Option<String>,
    /// The scan after which the file was written.
    pub scanned_at: Option<Timestamp>,
    /// Set if the clock of that scan was ahead of the exporter's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Ahead>,
    /// The end of the file, which is known only after its entries. Set when the file has been read to its end.
    #[serde(skip)]
    pub tail: Tail,
}

/// The end of a state file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tail {
    /// Set while the file has only a part of the findings in Security Hub: a scan can't be compared with it before the
    /// rest is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopting: Option<AdoptionProgress>,
    /// The newest scan of the whole account with which the state had been compared when the file was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_at: Option<Timestamp>,
    /// The last scan whose absent findings were counted, by the scanner's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged_at: Option<Timestamp>,
    /// The scan of `judged_at`, if absent findings of other Regions were not counted because not all Regions had
    /// reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unheard_at: Option<Timestamp>,
    /// When a run first could not verify that the hub is the one of the state: findings that were sent since do not show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unverified_at: Option<Timestamp>,
    /// The run that wrote the file, and the time by which the entries refer to it. `None` if it archived no findings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<ArchivedBy>,
    /// The times of the scans to which entries refer, in milliseconds since 1970: index 0 is
    /// [`ScanCode`](super::ScanCode) 1.
    #[serde(default)]
    pub scans: Vec<i64>,
    /// The checks of the entries.
    #[serde(default)]
    pub checks: Vec<String>,
    /// Findings that scans report several times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repeated: Vec<FindingKey>,
}

/// A scan whose time was ahead of the clock when its first run began. Its findings are sent with the times of its runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ahead {
    /// The scan time.
    pub dated: Timestamp,
    /// When its first run began: findings updated at this time or later were sent by its runs.
    pub begun: Timestamp,
}

impl StateHeader {
    /// Whether both refer to the same hub. True if one of the times is unknown. A hub that was disabled and enabled
    /// again counts as a different one.
    pub(crate) fn is_same_hub(&self, other: &Self) -> bool {
        self.hub_since.is_none() || other.hub_since.is_none() || self.hub_since == other.hub_since
    }

    /// Whether an earlier run of the same scan sent a finding: a run that continues must not send it again, even if the
    /// integration resends all findings.
    pub(crate) fn has_sent(&self, last: Option<&FindingMeta>, scanned_ms: i64) -> bool {
        let begun_ms = self.ahead.map_or(scanned_ms, |ahead| ahead.begun.as_millisecond());
        last.is_some_and(|last| last.updated_ms >= scanned_ms.min(begun_ms))
    }
}

/// A run that archived findings. All findings of a Region are archived with the same time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedBy {
    /// The run.
    pub run_id: String,
    /// When it archived them.
    pub at: Timestamp,
}
