//! The outcomes of findings, and how many had which. The counts must add up.

use std::collections::BTreeMap;

use asff::RegionName;
use serde::{Deserialize, Serialize};

use crate::report::reasons::filtered::NOT_AUTHORIZED_SOURCE;

/// The outcome of a finding. Every finding that is read has exactly one outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Security Hub stored it.
    Sent,
    /// It is in Security Hub as it is.
    Unchanged,
    /// A setting, or the nature of the finding, keeps it back.
    Filtered(String),
    /// Its Region does not accept findings.
    RegionUnavailable(RegionName, String),
    /// It can't be mapped, or the service rejects it; it is kept in quarantine under this code.
    Quarantined(String),
    /// The file is broken at its place.
    Malformed,
    /// It should have been sent and was not. It can be sent by a later run.
    Undelivered(String),
}

/// How many findings had which fate. A count that an earlier version did not write is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
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
    pub malformed: u64,
    /// Left to a later run, by reason.
    pub undelivered: BTreeMap<String, u64>,
    /// Changed to keep the service's limits. Not an outcome: these are counted above as well.
    pub repaired: u64,
    /// Sent to the fallback Region. Not an outcome: these are counted above as well.
    pub redirected: u64,
    /// Findings of earlier scans that this run archived. They are not in the file.
    pub archived: u64,
    /// Findings of earlier scans that should have been archived and were not. Another try of the run does it.
    pub archive_undelivered: u64,
    /// Findings of earlier scans that Security Hub rejects to archive, by its code. They stay active, and are in quarantine.
    pub archive_rejected: BTreeMap<String, u64>,
    /// Findings of earlier scans that were not archived, since their Region takes nothing. They stay active.
    pub archive_unavailable: u64,
    /// Active findings of earlier scans that this scan proves nothing about. They stay active.
    pub unproven: u64,
    /// Active findings that are absent from this scan, but not yet from as many consecutive scans as the integration asks
    /// for. They stay active.
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

    /// Adds the counts of a part to those of the whole.
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

    /// The findings whose fate is known. Equal to `read` where nothing was lost.
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

    /// Findings filtered, whatever the reason.
    pub fn filtered_total(&self) -> u64 {
        total(&self.filtered)
    }

    /// Whether findings are of accounts that the upload may not speak for.
    pub fn has_unauthorized(&self) -> bool {
        self.filtered.contains_key(NOT_AUTHORIZED_SOURCE)
    }

    /// Findings in quarantine, whatever the code.
    pub fn quarantined_total(&self) -> u64 {
        total(&self.quarantined)
    }

    /// Findings that Security Hub rejects to archive, whatever the code.
    pub fn archive_rejected_total(&self) -> u64 {
        total(&self.archive_rejected)
    }

    /// Findings left to a later run, whatever the reason.
    pub fn undelivered_total(&self) -> u64 {
        total(&self.undelivered)
    }

    /// Findings that were neither sent nor deliberately left out: quarantined, malformed, and undelivered.
    pub fn errors(&self) -> u64 {
        self.quarantined_total() + self.malformed + self.undelivered_total()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_an_earlier_version_can_be_read() {
        let counts: Counts = serde_json::from_str(r#"{ "read": 2, "sent": 2 }"#).unwrap();
        assert_eq!(counts, Counts { read: 2, sent: 2, ..Counts::default() });
    }
}
