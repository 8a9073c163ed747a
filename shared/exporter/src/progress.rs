//! How far an export or a job is, for those who watch it: a progress bar, the record of a job, a deadline, a test.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use asff::RegionName;

/// Running totals of an export or a job. Relaxed counters: exact at the end, near enough meanwhile.
#[derive(Debug, Default)]
pub struct Progress {
    bytes_read: AtomicU64,
    findings_read: AtomicU64,
    findings_sent: AtomicU64,
    findings_archived: AtomicU64,
    /// 0: unknown.
    findings_expected: AtomicU64,
    regions: Mutex<BTreeMap<RegionName, RegionCounts>>,
}

/// The share of one Region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegionCounts {
    /// Findings read from Security Hub.
    pub read: u64,
    /// Findings that Security Hub stored.
    pub sent: u64,
    /// Findings to process. None: unknown.
    pub expected: Option<u64>,
}

impl Progress {
    /// Bytes of the object read, as stored.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// Findings read.
    pub fn findings_read(&self) -> u64 {
        self.findings_read.load(Ordering::Relaxed)
    }

    /// Findings that Security Hub stored.
    pub fn findings_sent(&self) -> u64 {
        self.findings_sent.load(Ordering::Relaxed)
    }

    /// Those of [`Progress::findings_sent`] that were archived.
    pub fn findings_archived(&self) -> u64 {
        self.findings_archived.load(Ordering::Relaxed)
    }

    /// Findings to process, as far as known: of the whole, or else the sum of the Regions'.
    pub fn findings_expected(&self) -> Option<u64> {
        let whole = Some(self.findings_expected.load(Ordering::Relaxed)).filter(|findings| *findings > 0);
        whole.or_else(|| self.lock().values().filter_map(|region| region.expected).reduce(|sum, next| sum + next))
    }

    /// The Regions in which something was read, sent, or is expected.
    pub fn regions(&self) -> BTreeMap<RegionName, RegionCounts> {
        self.lock().clone()
    }

    pub(crate) fn add_bytes(&self, bytes: u64) {
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn add_read(&self, findings: u64) {
        self.findings_read.fetch_add(findings, Ordering::Relaxed);
    }

    /// The same of findings that were read from a Region's Security Hub.
    pub(crate) fn add_read_from(&self, region: RegionName, findings: u64) {
        self.add_read(findings);
        self.lock().entry(region).or_default().read += findings;
    }

    /// Findings that Security Hub stored, so many of them as archived.
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
