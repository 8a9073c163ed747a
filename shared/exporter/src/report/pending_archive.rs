//! A pending archive by service and by Region, and why it looks unusual.

use std::collections::BTreeMap;

use asff::RegionName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::PendingClass;
use crate::grouped::Grouped;

/// A scan has far fewer results of a service or Region than before, if it has less than this share of them: the same as the default
/// of `partial_scan_percent`, which is about the whole account.
const FAR_FEWER_PERCENT: u64 = 50;
/// The minimum share of the pending findings in services or Regions with far fewer results. A smaller share does not make the
/// archive unusual.
const UNUSUAL_SHARE_PERCENT: u64 = 10;

/// The findings of an account that are archived upon approval, by service and by Region. The sums of both are those of `archive`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PendingArchive {
    /// Number of findings that would be archived with the archive scope `partial`. Absent if the scope is not `full`, or the scan
    /// looks partial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with_partial_scope: Option<u64>,
    /// Why the archive looks unusual, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unusual: Option<UnusualArchive>,
    /// By service: a check's ID up to the first underscore. Empty in a report that was truncated.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, PendingSums>,
    /// By Region of the resources. Empty in a report that was truncated.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub regions: BTreeMap<RegionName, PendingSums>,
}

/// Pending findings and results of a service or Region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PendingSums {
    /// Active findings before the run.
    pub active: u64,
    /// Would be archived: absent, and their checks have results in their Regions.
    pub proven: u64,
    /// Would be archived: absent from as many consecutive scans as the integration requires.
    pub absent: u64,
    /// Would be archived: passed.
    pub passed: u64,
    /// Would be archived: muted.
    pub muted: u64,
    /// Results of this scan, PASS and FAIL.
    pub results: u64,
    /// Results of an earlier scan: the newest one that did not itself have far fewer results than the scans before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<EarlierResults>,
}

/// Results of an earlier scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EarlierResults {
    /// Their number.
    pub results: u64,
    /// The time of the scan.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub scanned_at: Timestamp,
}

/// Services or Regions of which a scan has far fewer results than an earlier one, and whose findings would be archived for being
/// absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnusualArchive {
    /// Whether the names are services or Regions.
    pub by: UnusualGroup,
    /// The services or Regions, those with most findings first.
    pub names: Vec<String>,
    /// Findings of these that would be archived for being absent.
    pub findings: u64,
    /// Results that this scan has of these.
    pub results: u64,
    /// Active findings of these before the run.
    pub active: u64,
    /// Results that earlier scans had of these. 0 if none is known.
    pub earlier_results: u64,
    /// The time of the earlier scan. Absent if the results are from several earlier scans, or if none are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub earlier_scanned_at: Option<Timestamp>,
}

/// The grouping by which an archive looks unusual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum UnusualGroup {
    /// Services.
    Service,
    /// Regions.
    Region,
}

/// Whether a scan has far fewer results than there were before.
pub(crate) fn is_far_fewer(results: u64, before: u64) -> bool {
    results * 100 < before * FAR_FEWER_PERCENT
}

impl PendingSums {
    /// Findings that would be archived.
    pub fn pending(&self) -> u64 {
        self.missing() + self.passed + self.muted
    }

    /// Findings that would be archived for being absent from the scan.
    pub fn missing(&self) -> u64 {
        self.proven + self.absent
    }

    /// Whether the scan has far fewer results than an earlier one, or than findings were active, and findings would be archived for
    /// being absent.
    pub fn is_unusual(&self) -> bool {
        self.missing() > 0 && is_far_fewer(self.results, self.earlier_results().max(self.active))
    }

    fn earlier_results(&self) -> u64 {
        self.earlier.map_or(0, |earlier| earlier.results)
    }

    /// Counts a finding that would be archived.
    pub(crate) fn count(&mut self, class: PendingClass) {
        match class {
            PendingClass::Passed => self.passed += 1,
            PendingClass::Muted => self.muted += 1,
            PendingClass::Proven => self.proven += 1,
            PendingClass::Absent => self.absent += 1,
            // These do not count toward the limit.
            PendingClass::Moved | PendingClass::Unproven => {}
        }
    }

    /// Adds the findings of another part of the account.
    pub(crate) fn add(&mut self, other: &Self) {
        self.active += other.active;
        self.proven += other.proven;
        self.absent += other.absent;
        self.passed += other.passed;
        self.muted += other.muted;
        self.results += other.results;
    }
}

/// Services or Regions as the rows of a table, whose sums are the total.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PendingRows {
    /// Those with pending findings, the largest first.
    pub rows: Vec<(String, PendingSums)>,
    /// How many others there are, and their sums.
    pub others: (u64, PendingSums),
    /// All of them.
    pub total: PendingSums,
}

impl PendingRows {
    /// Services or Regions, at most so many rows.
    pub fn new<N: ToString>(groups: &BTreeMap<N, PendingSums>, rows_max: usize) -> Self {
        let mut all: Vec<_> = groups.iter().map(|(name, sums)| (name.to_string(), *sums)).collect();
        all.sort_by_key(|(_, sums)| std::cmp::Reverse(sums.pending()));
        let mut table = Self::default();
        for (name, sums) in all {
            table.total.add(&sums);
            if sums.pending() > 0 && table.rows.len() < rows_max {
                table.rows.push((name, sums));
            } else {
                table.others.0 += 1;
                table.others.1.add(&sums);
            }
        }
        table
    }
}

impl PendingArchive {
    /// Of findings that are archived upon approval, and the results of the scan and of earlier ones. `is_comparable`: the scan is one
    /// of the whole account, so that fewer results mean something.
    pub(crate) fn new(
        pending: &Grouped<PendingSums>,
        results: &Grouped<u64>,
        earlier: &Grouped<EarlierResults>,
        is_comparable: bool,
    ) -> Self {
        let mut sums = pending.clone();
        sums.merge(results, |sums, results| sums.results = *results);
        if is_comparable {
            sums.merge(earlier, |sums, earlier| sums.earlier = Some(*earlier));
        }
        let total = |of: fn(&PendingSums) -> u64| sums.services.values().map(of).sum::<u64>();
        let (pending, absent) = (total(PendingSums::pending), total(|sums| sums.absent));
        let unusual = || {
            let by_service = UnusualArchive::of(UnusualGroup::Service, &sums.services);
            let by_region = UnusualArchive::of(UnusualGroup::Region, &sums.regions);
            // The grouping with more of the pending findings; services if both have the same number.
            let most = by_region.into_iter().chain(by_service).max_by_key(|unusual| unusual.findings)?;
            (most.findings * 100 >= pending * UNUSUAL_SHARE_PERCENT).then_some(most)
        };
        Self {
            with_partial_scope: is_comparable.then_some(pending - absent),
            unusual: if is_comparable { unusual() } else { None },
            services: sums.services,
            regions: sums.regions,
        }
    }

    /// The same without the sums of services and Regions.
    #[must_use]
    pub fn without_sums(self) -> Self {
        Self { services: BTreeMap::new(), regions: BTreeMap::new(), ..self }
    }
}

impl UnusualArchive {
    fn of<N: ToString + Ord>(by: UnusualGroup, groups: &BTreeMap<N, PendingSums>) -> Option<Self> {
        let mut unusual: Vec<_> = groups.iter().filter(|(_, sums)| sums.is_unusual()).collect();
        unusual.sort_by_key(|(_, sums)| std::cmp::Reverse(sums.missing()));
        let total = |of: fn(&PendingSums) -> u64| unusual.iter().map(|(_, sums)| of(sums)).sum::<u64>();
        let mut times = unusual.iter().map(|(_, sums)| sums.earlier.map(|earlier| earlier.scanned_at));
        let first = times.next()?;
        Some(Self {
            by,
            names: unusual.iter().map(|(name, _)| name.to_string()).collect(),
            findings: total(PendingSums::missing),
            results: total(|sums| sums.results),
            active: total(|sums| sums.active),
            earlier_results: total(PendingSums::earlier_results),
            earlier_scanned_at: first.filter(|_| times.all(|time| time == first)),
        })
    }

    /// Why the archive of `pending` findings looks unusual, in two sentences. `count` and `time` format numbers and times.
    pub fn explain(
        &self,
        pending: u64,
        count: impl Fn(u64) -> String,
        time: impl Fn(Timestamp) -> String,
    ) -> [String; 2] {
        let Self { by, names, findings, results, active, earlier_results, earlier_scanned_at } = self;
        let noun = match (by, names.len()) {
            (UnusualGroup::Service, 1) => "service",
            (UnusualGroup::Service, _) => "services",
            (UnusualGroup::Region, 1) => "Region",
            (UnusualGroup::Region, _) => "Regions",
        };
        let few = match results {
            0 => "has no results".to_owned(),
            1 => "has only 1 result".to_owned(),
            _ => format!("has only {} results", count(*results)),
        };
        let (verb, groups) = (if *findings == 1 { "belongs" } else { "belong" }, names.len() as u64);
        let what = format!(
            "{} of the {} {verb} to {} {noun} of which this scan {few}: {}.",
            count(*findings),
            count(pending),
            count(groups),
            names.join(", ")
        );
        let before = match (earlier_results, earlier_scanned_at) {
            (0, _) => format!("Before, {} findings of them were active.", count(*active)),
            (results, Some(at)) => format!("The scan of {} had {}.", time(*at), count(*results)),
            (results, None) => format!("Earlier scans had {}.", count(*results)),
        };
        [what, before]
    }
}

#[cfg(test)]
mod tests;
