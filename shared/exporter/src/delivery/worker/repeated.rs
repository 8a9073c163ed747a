//! Findings that a scan reports several times, such as a check that has a result for each entry of a list. The most
//! severe status of the newest scan counts, and earlier entries of the file should not be sent first.
//!
//! Two mechanisms ensure this. An earlier entry in a batch that was not sent yet is removed from it. A finding that an
//! earlier scan reported several times, which the state records, is buffered until the end of the file if Security Hub
//! has a different version.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use asff::Mapped;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::state::{FindingKey, Index};

/// Maximum number of findings that one export buffers until the end of the file, each some 5 KB. Further findings are
/// sent at once.
pub(crate) const BUFFERED_MAX: usize = 4000;
/// Maximum number of findings per Region that the state records as reported several times.
const REPEATED_KEYS_MAX: usize = 10_000;

/// The findings of one Region that a scan reports several times.
#[derive(Default)]
pub(in crate::delivery) struct Repeated {
    /// The findings of earlier scans, and of this one.
    pub(in crate::delivery) keys: HashSet<FindingKey>,
    /// For each finding of this scan, the number of its entries after the first.
    pub(in crate::delivery) entries_after_first: HashMap<FindingKey, u32>,
    pub(in crate::delivery) buffered: HashMap<FindingKey, BufferedFinding>,
    /// Findings of which this run already sent a version: a later entry is sent, whatever the state has.
    pub(in crate::delivery) already_sent: HashSet<FindingKey>,
}

pub(in crate::delivery) struct BufferedFinding {
    pub(in crate::delivery) mapped: Box<Mapped>,
    pub(in crate::delivery) _permit: OwnedSemaphorePermit,
}

impl Repeated {
    /// Adds the findings of earlier scans.
    pub(in crate::delivery) fn add_known(&mut self, keys: &[FindingKey]) {
        self.keys.extend(keys);
    }

    /// How many entries of a finding came after the first in this scan.
    pub(in crate::delivery) fn repeat_count(&self, key: FindingKey) -> u32 {
        self.entries_after_first.get(&key).copied().unwrap_or_default()
    }

    /// The keys for the next state: those of this scan, and those of earlier scans whose findings the state has.
    pub(in crate::delivery) fn keys_to_store(&self, index: &Index) -> Vec<FindingKey> {
        let earlier =
            self.keys.iter().filter(|key| !self.entries_after_first.contains_key(key) && index.get(**key).is_some());
        let mut keys: Vec<FindingKey> =
            self.entries_after_first.keys().chain(earlier).copied().take(REPEATED_KEYS_MAX).collect();
        keys.sort_unstable();
        keys
    }
}

/// Slots for buffered findings, shared by all Regions of an export.
pub(crate) fn new_buffer_slots() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(BUFFERED_MAX))
}
