//! What a state file says of itself: before its entries, and behind them.

use asff::{AccountId, RegionName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::finding::{FindingKey, FindingMeta};

/// How far the service's answers are trusted. They may lag behind what was sent a moment ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// A finding is as the service says: nobody of ours sent anything lately.
    Content,
    /// A finding is there, but perhaps not as the service says: it is resent when it is seen.
    Existence,
}

/// How far a reading came that takes more than one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptionProgress {
    /// The page that comes next. The service may have forgotten it: then the reading begins again.
    pub next: Option<String>,
    /// How far what was read is trusted.
    pub trust: Trust,
    /// Runs that read a part of it.
    pub runs: u32,
    /// Why nobody continues, if so: then what was read is all that is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
}

impl AdoptionProgress {
    /// A reading that was denied: the next run that may read begins it.
    pub(crate) fn postponed() -> Self {
        Self { next: None, trust: Trust::Content, runs: 0, given_up: None }
    }
}

/// What the file is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateHeader {
    /// The account.
    pub account: AccountId,
    /// The Region whose Security Hub holds the findings.
    pub region: RegionName,
    /// When the hub was enabled, as far as known. Another time means another hub: the state must be adopted again.
    pub hub_since: Option<String>,
    /// The scan after which it was written.
    pub scanned_at: Option<Timestamp>,
    /// Where that scan's clock was ahead of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Ahead>,
    /// What stands at the end of the file, since it is known then. It is there when the file is read to its end.
    #[serde(skip)]
    pub tail: Tail,
}

/// The end of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tail {
    /// Where the file holds only a part of what Security Hub does: a scan can't be compared with it before the rest is
    /// read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopting: Option<AdoptionProgress>,
    /// The newest scan of the whole account that was compared with it, when it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_at: Option<Timestamp>,
    /// The scan whose absent findings were counted last, by the scanner's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged_at: Option<Timestamp>,
    /// The same scan, if those of other Regions were not counted, since not all Regions had spoken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unheard_at: Option<Timestamp>,
    /// The run that wrote the file, if it archived findings, and the time by which the entries name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<ArchivedBy>,
    /// The times of the scans that entries refer to, in milliseconds since 1970: place 0 is [`ScanCode`](super::ScanCode) 1.
    #[serde(default)]
    pub scans: Vec<i64>,
    /// The checks of the entries.
    #[serde(default)]
    pub checks: Vec<String>,
    /// Findings that scans report several times.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repeated: Vec<FindingKey>,
}

/// A scan that was dated ahead of the clock when its first run began. Its findings are sent with the times of its runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ahead {
    /// The scan's own time.
    pub dated: Timestamp,
    /// When its first run began: what is not older was sent by its runs.
    pub begun: Timestamp,
}

impl StateHeader {
    /// Whether both speak of the same hub, as far as known: one that is disabled and on is another.
    pub(crate) fn is_same_hub(&self, other: &Self) -> bool {
        self.hub_since.is_none() || other.hub_since.is_none() || self.hub_since == other.hub_since
    }

    /// Whether an earlier run of the very scan at hand sent a finding: continuing must not begin again, even where everything is
    /// sent.
    pub(crate) fn has_sent(&self, last: Option<&FindingMeta>, scanned_ms: i64) -> bool {
        let begun_ms = self.ahead.map_or(scanned_ms, |ahead| ahead.begun.as_millisecond());
        last.is_some_and(|last| last.updated_ms >= scanned_ms.min(begun_ms))
    }
}

/// A run that archived findings, all of a Region at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedBy {
    /// The run.
    pub run_id: String,
    /// When it sent them.
    pub at: Timestamp,
}
