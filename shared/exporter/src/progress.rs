//! How far an export is, for those who watch it: a progress bar, a deadline, a test.

use std::sync::atomic::{AtomicU64, Ordering};

/// Running totals of an export. Relaxed counters: exact at the end, near enough meanwhile.
#[derive(Debug, Default)]
pub struct Progress {
    bytes_read: AtomicU64,
    findings_read: AtomicU64,
    findings_sent: AtomicU64,
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

    pub(crate) fn add_bytes(&self, bytes: u64) {
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn add_read(&self, findings: u64) {
        self.findings_read.fetch_add(findings, Ordering::Relaxed);
    }

    pub(crate) fn add_sent(&self, findings: u64) {
        self.findings_sent.fetch_add(findings, Ordering::Relaxed);
    }
}
