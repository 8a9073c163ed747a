//! What an account's entries prove about a finding that is not among them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use asff::{AccountId, RegionName};
use jiff::Timestamp;

use super::gather::{Evidence, MalformedEntries};
use super::regions::RegionSet;
use super::service;
use crate::grouped::Grouped;
use crate::model::integration::ArchiveScope;
use crate::report::{PartialScan, unproven};
use crate::state::fingerprint;

/// What a scan proves about a finding that is active and absent from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    /// The finding's check has verdicts in its Region: the finding is resolved.
    Proven,
    /// The scan covers the finding's service and Region: the finding is resolved if it is absent from the next scans
    /// too.
    Absent,
    /// Nothing, for this reason: one of [`unproven`].
    Unproven(&'static str),
    /// Nothing, since the scan does not cover it.
    OutOfScope,
}

/// How the file was read, and the settings of the account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    pub(crate) scope: ArchiveScope,
    /// The file was read to its end.
    pub(crate) is_complete: bool,
    /// The format marks the end of the file.
    pub(crate) has_end: bool,
    /// See `Integration::partial_scan_percent`.
    pub(crate) partial_scan_percent: u8,
    /// The last whole scan of the account.
    pub(crate) last_whole: Option<ScanSize>,
}

/// The size of a whole scan of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct ScanSize {
    /// The scan time.
    pub(crate) scanned_at: Timestamp,
    /// The number of verdicts.
    pub(crate) verdicts: u64,
    /// The number of checks with verdicts.
    pub(crate) checks: u64,
}

/// Judges absent findings of one account by one scan.
#[derive(Debug)]
pub(crate) struct Proof {
    account: AccountId,
    evidence: Evidence,
    /// Malformed entries of the whole file.
    malformed: Arc<MalformedEntries>,
    reading: Reading,
    /// Why nothing at all is proven. `None` if it can be.
    unproven_reason: Option<&'static str>,
    partial: Option<PartialScan>,
    /// The Regions in which each service has verdicts.
    services: HashMap<String, RegionSet>,
    covered_regions: RegionSet,
}

impl Proof {
    /// Evaluates the collected evidence.
    pub(crate) fn new(
        account: AccountId,
        evidence: Evidence,
        malformed: Arc<MalformedEntries>,
        reading: Reading,
    ) -> Self {
        let mut services: HashMap<String, RegionSet> = HashMap::new();
        let mut covered_regions = RegionSet::default();
        for check in evidence.checks.values() {
            services.entry(service(check.name.as_str()).to_owned()).or_default().insert(check.verdicts);
            covered_regions.insert(check.verdicts);
        }
        let mut proof = Self {
            account,
            evidence,
            malformed,
            reading,
            unproven_reason: None,
            partial: None,
            services,
            covered_regions,
        };
        proof.partial = proof.looks_partial();
        proof.unproven_reason = match () {
            () if !reading.is_complete => Some(unproven::FILE_TRUNCATED),
            () if proof.has_several_times() => Some(unproven::SEVERAL_SCAN_TIMES),
            () if proof.partial.is_some() => Some(unproven::PARTIAL_SCAN),
            () => None,
        };
        proof
    }

    /// What is proven about absent findings of a check in a Region.
    pub(crate) fn judge(&self, check: u32, service: &str, region: RegionName) -> Absence {
        let place = self.evidence.regions.set(region);
        let found = self.evidence.checks.get(&check);
        let has_verdict = found.is_some_and(|found| found.verdicts.meets(place));
        match self.reading.scope {
            ArchiveScope::Observed => return Absence::OutOfScope,
            ArchiveScope::Partial if !has_verdict => return Absence::OutOfScope,
            ArchiveScope::Partial | ArchiveScope::Full => {}
        }
        if let Some(reason) = self.unproven_reason {
            return Absence::Unproven(reason);
        }
        if self.malformed.may_match(self.account, region, check) {
            return Absence::Unproven(unproven::MALFORMED_ENTRIES);
        }
        if found.is_some_and(|found| found.is_manual || found.manual.meets(place)) {
            return Absence::Unproven(unproven::MANUAL_CHECK);
        }
        match (has_verdict, self.reading.has_end, self.reading.scope) {
            (true, true, _) => Absence::Proven,
            (true, false, ArchiveScope::Full) => Absence::Absent,
            (true, false, _) => Absence::Unproven(unproven::NO_FILE_END),
            (false, ..) if !self.covered_regions.meets(place) => Absence::Unproven(unproven::NO_REGION_RESULTS),
            (false, ..) if self.services.get(service).is_none_or(|regions| regions.is_empty()) => {
                Absence::Unproven(unproven::NO_SERVICE_RESULTS)
            }
            (false, ..) => Absence::Absent,
        }
    }

    /// Whether the file was read to its end: findings that it shows as passed or muted may then be archived.
    pub(crate) fn is_complete(&self) -> bool {
        self.reading.is_complete
    }

    /// Whether the file has several scan times.
    pub(crate) fn has_several_times(&self) -> bool {
        self.evidence.has_several_times()
    }

    /// The scan times of the file.
    pub(crate) fn times(&self) -> &BTreeSet<Timestamp> {
        &self.evidence.times
    }

    /// How the scan differs from the last whole scan. `None` if it does not look partial.
    pub(crate) fn partial(&self) -> Option<PartialScan> {
        self.partial
    }

    /// The size with which later scans are compared, if this is a whole scan of the account or was `approved` as one.
    pub(crate) fn as_whole_scan(&self, scanned_at: Timestamp, approved: bool) -> Option<ScanSize> {
        let is_whole =
            self.unproven_reason.is_none() || (approved && self.unproven_reason == Some(unproven::PARTIAL_SCAN));
        let is_sound = !self.malformed.may_belong_to(self.account);
        let is_measure = self.reading.scope == ArchiveScope::Full && is_whole && is_sound && self.evidence.verdicts > 0;
        is_measure.then(|| ScanSize { scanned_at, verdicts: self.evidence.verdicts, checks: self.checks() })
    }

    /// The checks that have verdicts in a Region, and whether the scan covers them there completely.
    pub(crate) fn covered(&self) -> impl Iterator<Item = (RegionName, &str, bool)> {
        self.evidence.checks.values().flat_map(move |found| {
            let name = found.name.as_str();
            self.evidence.regions.names(found.verdicts).map(move |region| {
                let is_complete = self.judge(fingerprint(name), service(name), region) == Absence::Proven;
                (region, name, is_complete)
            })
        })
    }

    /// The services that have verdicts, by Region.
    pub(crate) fn services(&self) -> BTreeMap<RegionName, BTreeSet<&str>> {
        let mut services: BTreeMap<RegionName, BTreeSet<&str>> = BTreeMap::new();
        for (service, regions) in &self.services {
            for region in self.evidence.regions.names(*regions) {
                services.entry(region).or_default().insert(service);
            }
        }
        services
    }

    /// How many results the scan has of each service and Region.
    pub(crate) fn results(&self) -> Grouped<u64> {
        self.evidence.results()
    }

    /// Whether it is a scan of the whole account, as far as it tells.
    pub(crate) fn is_of_whole_account(&self) -> bool {
        self.reading.scope == ArchiveScope::Full && self.is_conclusive()
    }

    /// Whether the scan proves which services have results and which do not.
    pub(crate) fn is_conclusive(&self) -> bool {
        self.unproven_reason.is_none()
    }

    fn checks(&self) -> u64 {
        self.evidence.checks.values().filter(|check| !check.verdicts.is_empty()).count() as u64
    }

    fn looks_partial(&self) -> Option<PartialScan> {
        let percent = u64::from(self.reading.partial_scan_percent);
        let last = self.reading.last_whole.filter(|_| self.reading.scope == ArchiveScope::Full)?;
        let (verdicts, checks) = (self.evidence.verdicts, self.checks());
        let is_less = verdicts * 100 < last.verdicts * percent || checks * 100 < last.checks * percent;
        let is_readable = self.reading.is_complete && !self.has_several_times();
        (is_less && is_readable).then_some(PartialScan {
            verdicts,
            checks,
            last_verdicts: last.verdicts,
            last_checks: last.checks,
            last_scanned_at: last.scanned_at,
        })
    }
}
