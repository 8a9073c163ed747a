//! The outcomes of findings, and the number of findings with each. The counts must add up.

use std::collections::BTreeMap;

use asff::RegionName;
use serde::{Deserialize, Serialize};

use crate::report::reasons::filtered::NOT_AUTHORIZED_SOURCE;

/// The outcome of a finding. Every finding that is read has exactly one outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Security Hub stored the finding.
    Sent,
    /// Security Hub already has the finding with this content.
    Unchanged,
    /// The finding is not sent because of a setting or of what it is.
    Filtered(String),
    /// The finding's Region is unavailable.
    RegionUnavailable(RegionName, String),
    /// The finding can't be mapped, or Security Hub rejects it; it is quarantined with this code.
    Quarantined(String),
    /// The element is malformed in the file.
    Malformed,
    /// The finding should have been sent and was not. A later run can send it.
    Undelivered(String),
}

/// The number of findings with each outcome. A count that an earlier version did not write is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Counts {
    /// Findings read from the file, including malformed ones.
    pub read: u64,
    /// Stored by Security Hub.
    pub sent: u64,
    /// Not sent, since Security Hub already has them with this content.
    pub unchanged: u64,
    /// Filtered, by reason.
    pub filtered: BTreeMap<String, u64>,
    /// Not sent because the Region is unavailable, by Region and reason.
    pub region_unavailable: BTreeMap<String, BTreeMap<String, u64>>,
    /// Quarantined, by code.
    pub quarantined: BTreeMap<String, u64>,
    /// Malformed in the file.
    pub malformed: u64,
    /// Undelivered, by reason. A later run can send them.
    pub undelivered: BTreeMap<String, u64>,
    /// Changed to satisfy a limit of Security Hub. Not an outcome: these findings are counted above too.
    pub repaired: u64,
    /// Sent to the fallback Region. Not an outcome: these findings are counted above too.
    pub redirected: u64,
    /// Findings of earlier scans that this run archived. They are not in the file.
    pub archived: u64,
    /// Findings of earlier scans that should have been archived and were not. A retry of the run archives them.
    pub archive_undelivered: u64,
    /// Findings of earlier scans whose archiving Security Hub rejects, by its code. They stay active and are quarantined.
    pub archive_rejected: BTreeMap<String, u64>,
    /// Findings of earlier scans that were not archived, since their Region is unavailable. They stay active.
    pub archive_unavailable: u64,
    /// Active findings of earlier scans that this scan proves nothing about. They stay active.
    pub unproven: u64,
    /// Active findings that are absent from this scan, but not yet from as many consecutive scans as the integration
    /// requires. They stay active.
    pub absent: u64,
}

impl Counts {
    /// Counts `findings` with one outcome.
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
            Fate::Malformed => self.malformed += findings,
            Fate::Undelivered(reason) => *self.undelivered.entry(reason).or_default() += findings,
        }
    }

    /// Adds the counts of a part.
    pub fn merge(&mut self, part: &Self) {
        self.read += part.read;
        self.sent += part.sent;
        self.unchanged += part.unchanged;
        self.malformed += part.malformed;
        self.repaired += part.repaired;
        self.redirected += part.redirected;
        self.archived += part.archived;
        self.archive_undelivered += part.archive_undelivered;
        self.archive_unavailable += part.archive_unavailable;
        merge_maps(&mut self.archive_rejected, &part.archive_rejected);
        self.unproven += part.unproven;
        self.absent += part.absent;
        merge_maps(&mut self.filtered, &part.filtered);
        merge_maps(&mut self.quarantined, &part.quarantined);
        merge_maps(&mut self.undelivered, &part.undelivered);
        for (region, reasons) in &part.region_unavailable {
            merge_maps(self.region_unavailable.entry(region.clone()).or_default(), reasons);
        }
    }

    /// The number of findings that have an outcome. Equal to `read` if no finding is missing.
    pub fn accounted(&self) -> u64 {
        self.sent
            + self.unchanged
            + self.malformed
            + total(&self.filtered)
            + total(&self.quarantined)
            + total(&self.undelivered)
            + self.region_unavailable_total()
    }

    /// Whether every finding has exactly one outcome.
    pub fn is_balanced(&self) -> bool {
        self.read == self.accounted()
    }

    /// Findings filtered, for any reason.
    pub fn filtered_total(&self) -> u64 {
        total(&self.filtered)
    }

    /// Whether the upload has findings of accounts for which its source is not authorized.
    pub fn has_unauthorized(&self) -> bool {
        self.filtered.contains_key(NOT_AUTHORIZED_SOURCE)
    }

    /// Findings quarantined, with any code.
    pub fn quarantined_total(&self) -> u64 {
        total(&self.quarantined)
    }

    /// Findings whose archiving Security Hub rejects, with any code.
    pub fn archive_rejected_total(&self) -> u64 {
        total(&self.archive_rejected)
    }

    /// Findings undelivered, for any reason.
    pub fn undelivered_total(&self) -> u64 {
        total(&self.undelivered)
    }

    /// Findings that were neither sent nor deliberately skipped: quarantined, malformed, and undelivered.
    pub fn errors(&self) -> u64 {
        self.quarantined_total() + self.malformed + self.undelivered_total()
    }

    /// Findings whose Region is unavailable.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_an_earlier_version_can_be_read() {
        let counts: Counts = serde_json::from_str(r#"{ "read": 2, "sent": 2 }"#).unwrap();
        assert_eq!(counts, Counts { read: 2, sent: 2, ..Counts::default() });
    }
}
