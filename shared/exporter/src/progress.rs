//! The progress of an export or a job, for observers: a progress bar, the record of a job, a deadline, a test.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use asff::RegionName;

/// Running totals of an export or a job. The counters are relaxed: exact at the end, approximate until then.
#[derive(Debug, Default)]
pub struct Progress {
    bytes_read: AtomicU64,
    findings_read: AtomicU64,
    findings_sent: AtomicU64,
    findings_archived: AtomicU64,
    /// 0 if unknown.
    findings_expected: AtomicU64,
    regions: Mutex<BTreeMap<RegionName, RegionCounts>>,
    plans: Mutex<Plans>,
}

/// The findings that the accounts of an upload send to each Region.
#[derive(Debug, Default)]
struct Plans {
    /// Number of accounts for which they are not known yet.
    accounts_left: usize,
    regions: BTreeMap<RegionName, u64>,
}

/// The counts of one Region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegionCounts {
    /// Findings read from Security Hub.
    pub read: u64,
    /// Findings that Security Hub stored.
    pub sent: u64,
    /// Number of findings to process, by an earlier run. `None` if unknown.
    pub expected: Option<u64>,
    /// Number of findings that an export sends. `None` before the scan was read and it was decided what is archived.
    pub planned: Option<u64>,
}

impl Progress {
    /// Number of bytes of the object that were read, as stored.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// Number of findings that were read.
    pub fn findings_read(&self) -> u64 {
        self.findings_read.load(Ordering::Relaxed)
    }

    /// Number of findings that Security Hub stored.
    pub fn findings_sent(&self) -> u64 {
        self.findings_sent.load(Ordering::Relaxed)
    }

    /// How many of [`Progress::findings_sent`] were sent as archived.
    pub fn findings_archived(&self) -> u64 {
        self.findings_archived.load(Ordering::Relaxed)
    }

    /// Number of findings to process, if it is known: the total, or else the sum over the Regions.
    pub fn findings_expected(&self) -> Option<u64> {
        let whole = Some(self.findings_expected.load(Ordering::Relaxed)).filter(|findings| *findings > 0);
        whole.or_else(|| {
            lock(&self.regions).values().filter_map(|region| region.expected).reduce(|sum, next| sum + next)
        })
    }

    /// The Regions in which findings were read, sent, or are expected.
    pub fn regions(&self) -> BTreeMap<RegionName, RegionCounts> {
        lock(&self.regions).clone()
    }

    /// The scan was read, and has findings of this number of accounts. [`Self::plan`] is called once for each of them.
    pub(crate) fn begin_plans(&self, accounts: usize) {
        lock(&self.plans).accounts_left = accounts;
    }

    /// Adds the findings that an account sends to each Region: those that were sent, and those that will be archived. Once
    /// all accounts are known, these numbers replace the expected ones.
    pub(crate) fn plan(&self, account: impl IntoIterator<Item = (RegionName, u64)>) {
        let mut plans = lock(&self.plans);
        for (region, findings) in account {
            *plans.regions.entry(region).or_default() += findings;
        }
        plans.accounts_left = plans.accounts_left.saturating_sub(1);
        if plans.accounts_left > 0 {
            return;
        }
        let mut regions = lock(&self.regions);
        regions.values_mut().for_each(|counts| counts.expected = None);
        for (region, findings) in &plans.regions {
            regions.entry(*region).or_default().planned = Some(*findings);
        }
        // An export may not send anything to a Region after all, such as findings that are now copied to another one.
        let is_used = |counts: &RegionCounts| counts.sent > 0 || counts.planned.is_some_and(|planned| planned > 0);
        regions.retain(|_, counts| is_used(counts));
    }

    pub(crate) fn add_bytes(&self, bytes: u64) {
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn add_read(&self, findings: u64) {
        self.findings_read.fetch_add(findings, Ordering::Relaxed);
    }

    /// Counts findings that were read from a Region's Security Hub.
    pub(crate) fn add_read_from(&self, region: RegionName, findings: u64) {
        self.add_read(findings);
        lock(&self.regions).entry(region).or_default().read += findings;
    }

    /// Counts findings that Security Hub stored, `archived` of them as archived.
    pub(crate) fn add_sent(&self, region: RegionName, findings: u64, archived: u64) {
        self.findings_sent.fetch_add(findings, Ordering::Relaxed);
        self.findings_archived.fetch_add(archived, Ordering::Relaxed);
        lock(&self.regions).entry(region).or_default().sent += findings;
    }

    pub(crate) fn expect(&self, findings: u64) {
        self.findings_expected.fetch_add(findings, Ordering::Relaxed);
    }

    pub(crate) fn expect_in(&self, region: RegionName, findings: u64) {
        let mut regions = lock(&self.regions);
        let expected = &mut regions.entry(region).or_default().expected;
        *expected = Some(expected.unwrap_or_default() + findings);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_of_a_region_is_known_once_all_accounts_are_planned() {
        let [one, other, third] =
            ["eu-west-1", "us-east-1", "us-east-2"].map(|name| name.parse::<RegionName>().unwrap());
        let progress = Progress::default();
        progress.expect(100);
        progress.expect_in(one, 5);
        progress.expect_in(third, 7);
        progress.add_sent(one, 2, 0);
        progress.begin_plans(2);
        progress.plan([(one, 2), (other, 0)]);
        let planned =
            || progress.regions().into_iter().map(|(region, counts)| (region, counts.planned)).collect::<Vec<_>>();
        assert_eq!(planned(), [(one, None), (third, None)], "another account may send findings to the Region");
        assert_eq!(progress.regions()[&one].expected, Some(5));
        progress.plan([(one, 30)]);
        assert_eq!(planned(), [(one, Some(32))], "the numbers of the earlier run no longer count");
        assert_eq!((progress.regions()[&one].expected, progress.findings_expected()), (None, Some(100)));
    }
}
