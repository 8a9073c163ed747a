//! The entries of one account as evidence, collected while the file is read.

use std::collections::{BTreeSet, HashMap, HashSet};

use asff::{AccountId, CheckId, Location, RegionName};
use jiff::Timestamp;

use super::regions::{RegionPlaces, RegionSet};
use super::service;
use crate::grouped::Grouped;
use crate::state::fingerprint;

/// Maximum number of scan times stored per account: a file with more has several scans anyway, and a report need not
/// list all.
const TIMES_MAX: usize = 32;
/// Maximum number of scopes of malformed entries that are stored separately. Further entries count as having any scope.
const LOCATIONS_MAX: usize = 65_536;

/// The evidence of one account's entries so far.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    pub(super) verdicts: u64,
    pub(super) regions: RegionPlaces,
    /// By the fingerprint of the check.
    pub(super) checks: HashMap<u32, CheckEvidence>,
    /// Numbers of verdicts, by service and then by the place of the Region.
    results: HashMap<Box<str>, Vec<u32>>,
    pub(super) times: BTreeSet<Timestamp>,
}

/// The evidence of one check's entries.
#[derive(Debug)]
pub(super) struct CheckEvidence {
    pub(super) name: CheckId,
    /// The Regions in which the check has verdicts.
    pub(super) verdicts: RegionSet,
    /// The check reported MANUAL for the account.
    pub(super) is_manual: bool,
    /// The Regions for which the check reported MANUAL.
    pub(super) manual: RegionSet,
}

/// The scope of a MANUAL entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ManualFor {
    Account,
    Region(RegionName),
}

/// The account, the Region, and the check of each malformed entry, as far as they are known.
#[derive(Debug, Default)]
pub(crate) struct MalformedEntries {
    locations: HashSet<(Option<AccountId>, Option<RegionName>, Option<u32>)>,
    pub(super) is_anywhere: bool,
}

impl MalformedEntries {
    /// Adds an entry that can't be read or mapped.
    pub(crate) fn add(&mut self, location: &Location) {
        let check = location.check_id.as_ref().map(|check| fingerprint(check.as_str()));
        let location = (location.account, location.region, check);
        if location == (None, None, None) || self.locations.len() >= LOCATIONS_MAX {
            self.is_anywhere = true;
        } else {
            self.locations.insert(location);
        }
    }

    /// Whether one of the entries may be of this account.
    pub(super) fn may_belong_to(&self, account: AccountId) -> bool {
        self.is_anywhere || self.locations.iter().any(|(of, _, _)| of.is_none_or(|of| of == account))
    }

    /// Whether one of the entries may be a finding of this check in this Region of the account.
    pub(super) fn may_match(&self, account: AccountId, region: RegionName, check: u32) -> bool {
        let could = |account, region, check| self.locations.contains(&(account, region, check));
        self.is_anywhere
            || !self.locations.is_empty()
                && [Some(account), None].into_iter().any(|account| {
                    [Some(region), None]
                        .into_iter()
                        .any(|region| [Some(check), None].into_iter().any(|check| could(account, region, check)))
                })
    }
}

impl Evidence {
    /// Records a PASS or FAIL entry.
    pub(crate) fn record_verdict(&mut self, check: &CheckId, region: RegionName, scanned_at: Timestamp) {
        self.verdicts += 1;
        self.record_time(scanned_at);
        let region = self.regions.add(region);
        self.entry_of_check(check).verdicts.insert(region);
        if let Some(place) = region.place() {
            self.count_result(service(check.as_str()), place);
        }
    }

    fn count_result(&mut self, service: &str, place: usize) {
        let results = match self.results.get_mut(service) {
            Some(results) => results,
            None => self.results.entry(service.into()).or_default(),
        };
        if results.len() <= place {
            results.resize(place + 1, 0);
        }
        results[place] = results[place].saturating_add(1);
    }

    /// The numbers of verdicts. Those of Regions that the sets have no room for are not among them.
    pub(super) fn results(&self) -> Grouped<u64> {
        let mut grouped = Grouped::<u64>::default();
        for (service, results) in &self.results {
            for (region, results) in self.regions.iter().zip(results).filter(|(_, results)| **results > 0) {
                grouped.update(service, region, |sum| *sum += u64::from(*results));
            }
        }
        grouped
    }

    /// Records a MANUAL entry that is about more than one resource.
    pub(crate) fn record_manual(&mut self, check: &CheckId, about: ManualFor) {
        match about {
            ManualFor::Account => self.entry_of_check(check).is_manual = true,
            ManualFor::Region(region) => {
                let region = self.regions.add(region);
                self.entry_of_check(check).manual.insert(region);
            }
        }
    }

    /// Records the scan time of an entry.
    pub(crate) fn record_time(&mut self, scanned_at: Timestamp) {
        if self.times.len() < TIMES_MAX {
            self.times.insert(scanned_at);
        }
    }

    /// Whether the part of the file that was read has several scan times.
    pub(crate) fn has_several_times(&self) -> bool {
        self.times.len() > 1
    }

    fn entry_of_check(&mut self, check: &CheckId) -> &mut CheckEvidence {
        self.checks.entry(fingerprint(check.as_str())).or_insert_with(|| CheckEvidence {
            name: check.clone(),
            verdicts: RegionSet::default(),
            is_manual: false,
            manual: RegionSet::default(),
        })
    }
}
