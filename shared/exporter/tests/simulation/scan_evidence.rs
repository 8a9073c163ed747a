//! The content of a scan file for the model of the rule.

use std::collections::{BTreeMap, BTreeSet};

use exporter::model::integration::Integration;
use exporter::report::{PendingClass, unproven};
use jiff::Timestamp;

use crate::scan::{Layout, Result, Scanned, Where};

/// A finding: its Region and its Id.
pub(crate) type Place = (String, String);

/// The meaning of an entry for an integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Passed,
    Muted,
    Manual,
    /// The finding must be active with this status.
    Send(&'static str),
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) at: Timestamp,
    pub(crate) says: Says,
    pub(crate) result: Result,
}

/// The content of a scan file.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// The newest scan time in the file.
    pub(crate) at: Timestamp,
    pub(crate) times: BTreeSet<Timestamp>,
    pub(crate) to_end: bool,
    has_end: bool,
    /// The newest entry of each finding.
    pub(crate) entries: BTreeMap<Place, Entry>,
    /// Findings of which the file has only entries that are older than the known state.
    pub(crate) superseded: BTreeSet<Place>,
    /// Superseded findings that such an entry resolves, with the time of the newest such entry.
    pub(crate) resolved_before: BTreeMap<Place, Timestamp>,
    /// Pairs of checks and Regions with verdicts.
    pub(crate) pairs: BTreeSet<(&'static str, &'static str)>,
    pub(crate) checks: BTreeSet<&'static str>,
    pub(crate) verdicts: u64,
    services: BTreeSet<String>,
    manual_account: BTreeSet<&'static str>,
    manual_region: BTreeSet<(&'static str, &'static str)>,
    pub(crate) malformed: Vec<Where>,
}

pub(crate) fn service(check: &str) -> String {
    check.split('_').next().unwrap_or(check).to_owned()
}

impl Reading {
    /// Reads a scan. Entries that are older than `since` are superseded.
    pub(crate) fn of(scanned: &Scanned, integration: &Integration, since: Option<Timestamp>) -> Self {
        let read = scanned.cut.unwrap_or(scanned.results.len());
        let at = |result: &Result| result.at.unwrap_or(scanned.at);
        let results = &scanned.results[..read];
        let times: BTreeSet<_> = results.iter().map(at).collect();
        let mut reading = Self {
            at: times.last().copied().unwrap_or(scanned.at),
            times,
            to_end: scanned.cut.is_none(),
            has_end: scanned.layout != Layout::Lines,
            entries: BTreeMap::new(),
            superseded: BTreeSet::new(),
            resolved_before: BTreeMap::new(),
            pairs: BTreeSet::new(),
            checks: BTreeSet::new(),
            verdicts: 0,
            services: BTreeSet::new(),
            manual_account: BTreeSet::new(),
            manual_region: BTreeSet::new(),
            malformed: Vec::new(),
        };
        for result in results {
            reading.take(scanned, result, at(result), integration, since);
        }
        let account = scanned.account.to_string();
        let could_belong = |place: &&Where| place.account.as_ref().is_none_or(|other| *other == account);
        let places = scanned.extra.iter().filter(|extra| extra.before <= read).map(|extra| &extra.place);
        reading.malformed = places.filter(could_belong).cloned().collect();
        reading
    }

    fn take(
        &mut self,
        scanned: &Scanned,
        result: &Result,
        at: Timestamp,
        integration: &Integration,
        since: Option<Timestamp>,
    ) {
        let account = scanned.account.to_string();
        if result.manual {
            let uid = result.resource.as_str();
            if uid.ends_with("/unknown") || uid == "unknown" {
                self.manual_region.insert((result.check, result.region));
            } else if uid == account || uid.ends_with(":root") || uid.ends_with(&format!("{account}:log-group")) {
                self.manual_account.insert(result.check);
            }
        } else {
            self.verdicts += 1;
            self.checks.insert(result.check);
            self.pairs.insert((result.check, result.region));
            self.services.insert(service(result.check));
        }
        let place = (result.region.to_owned(), result.id(scanned.account));
        if since.is_some_and(|since| at < since) {
            if matches!(result.says(integration), Says::Passed | Says::Muted) {
                let newest = self.resolved_before.entry(place.clone()).or_insert(at);
                *newest = (*newest).max(at);
            }
            self.superseded.insert(place);
            return;
        }
        let says = result.says(integration);
        let entry = Entry { at, says, result: result.clone() };
        let is_newer = self.entries.get(&place).is_none_or(|known| (known.at, rank(known.says)) < (at, rank(says)));
        if is_newer {
            self.entries.insert(place, entry);
        }
    }

    /// Whether all entries of the file are older than the known state.
    pub(crate) fn all_superseded(&self) -> bool {
        self.entries.is_empty() && !self.superseded.is_empty()
    }

    fn malformed_could_be(&self, region: &str, check: &str) -> bool {
        let fits = |place: &Where| {
            place.region.as_deref().is_none_or(|known| known == region)
                && place.check.as_deref().is_none_or(|known| known == check)
        };
        self.malformed.iter().any(fits)
    }

    fn is_manual(&self, region: &str, check: &str) -> bool {
        self.manual_account.contains(check)
            || self.manual_region.iter().any(|(known, place)| *known == check && *place == region)
    }

    fn has(&self, check: &str, region: &str) -> bool {
        self.pairs.iter().any(|(known, place)| *known == check && *place == region)
    }

    /// The table of the issue: proven, absent, or the reason why the finding is unproven.
    pub(crate) fn evidence(
        &self,
        (region, _): &Place,
        check: &str,
        partial: bool,
    ) -> std::result::Result<PendingClass, &'static str> {
        if !self.to_end {
            return Err(unproven::FILE_TRUNCATED);
        }
        if self.times.len() > 1 {
            return Err(unproven::SEVERAL_SCAN_TIMES);
        }
        if partial {
            return Err(unproven::PARTIAL_SCAN);
        }
        if self.malformed_could_be(region, check) {
            return Err(unproven::MALFORMED_ENTRIES);
        }
        if self.is_manual(region, check) {
            return Err(unproven::MANUAL_CHECK);
        }
        if !self.pairs.iter().any(|(_, known)| known == region) {
            return Err(unproven::NO_REGION_RESULTS);
        }
        if !self.services.contains(&service(check)) {
            return Err(unproven::NO_SERVICE_RESULTS);
        }
        let proven = self.has(check, region) && self.has_end;
        Ok(if proven { PendingClass::Proven } else { PendingClass::Absent })
    }

    /// Scope `partial`: proven, or the reason why not. `None` if the scan did not include the check and Region.
    pub(crate) fn evidence_partial(
        &self,
        (region, _): &Place,
        check: &str,
    ) -> Option<std::result::Result<(), &'static str>> {
        if !self.has(check, region) {
            return None;
        }
        let is_unproven = [
            (!self.to_end, unproven::FILE_TRUNCATED),
            (self.times.len() > 1, unproven::SEVERAL_SCAN_TIMES),
            (self.malformed_could_be(region, check), unproven::MALFORMED_ENTRIES),
            (self.is_manual(region, check), unproven::MANUAL_CHECK),
            (!self.has_end, unproven::NO_FILE_END),
        ];
        Some(is_unproven.into_iter().find(|(is_so, _)| *is_so).map_or(Ok(()), |(_, reason)| Err(reason)))
    }

    /// Whether the scan covered a check in a Region completely.
    pub(crate) fn covers(&self, check: &str, region: &str) -> bool {
        self.evidence_partial(&(region.to_owned(), String::new()), check) == Some(Ok(()))
    }
}

/// Rank of entries with the same time: the worse one counts.
fn rank(says: Says) -> u8 {
    match says {
        Says::Passed | Says::Send("PASSED") => 0,
        Says::Muted | Says::Send("WARNING") => 1,
        Says::Manual => 2,
        Says::Send(_) => 3,
    }
}
