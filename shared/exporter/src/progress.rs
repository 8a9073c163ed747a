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
}

/// The counts of one Region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegionCounts {
    /// Findings read from Security Hub.
    pub read: u64,
    /// Findings that Security Hub stored.
    pub sent: u64,
    /// Number of findings to process. `None` if unknown.
    pub expected: Option<u64>,
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
        whole.or_else(|| self.lock().values().filter_map(|region| region.expected).reduce(|sum, next| sum + next))
    }

    /// The Regions in which findings were read, sent, or are expected.
    pub fn regions(&self) -> BTreeMap<RegionName, RegionCounts> {
        self.lock().clone()
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
        self.lock().entry(region).or_default().read += findings;
    }

    /// Counts findings that Security Hub stored, `archived` of them as archived.
    pub(crate) fn add_sent(&self, region: RegionName, findings: u64, archived: u64) {
        self.findings_sent.fetch_add(findings, Ordering::Relaxed);
        self.findings_archived.fetch_add(archived, Ordering::Relaxed);
        self.lock().entry(region).or_default().sent += findings;
    }

    pub(crate) fn expect(&self, findings: u64) {
        self.findings_expected.fetch_add(findings, Ordering::Relaxed);
    }

    pub(crate) fn expect_in(&self, region: RegionName, findings: u64) {
        let mut regions = self.lock();
        let expected = &mut regions.entry(region).or_default().expected;
        *expected = Some(expected.unwrap_or_default() + findings);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RegionName, RegionCounts>> {
        self.regions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
