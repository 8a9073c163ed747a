//! Findings that a scan reports several times, such as a check that has a result for each entry of a list: the worst status of the
//! newest scan counts, and what comes before it in the file is not sent first.
//!
//! Two things see to that: what waits in an unsent batch is taken back, and what was several times in an earlier scan, which the
//! state remembers, waits for the end of the file where Security Hub has something else.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use asff::Mapped;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::state::{FindingKey, Index};

/// Findings of one export that wait for the end of the file at most. Each takes some 5 KB. What is above is sent at once.
pub(crate) const BUFFERED_MAX: usize = 4000;
/// Findings of one Region that the state remembers as reported several times at most.
const REPEATED_KEYS_MAX: usize = 10_000;

/// The findings of one Region that a scan reports several times.
#[derive(Default)]
pub(in crate::delivery) struct Repeated {
    /// Those of earlier scans, and of this one.
    pub(in crate::delivery) keys: HashSet<FindingKey>,
    /// Those of this scan, and how many of their entries came after the first.
    pub(in crate::delivery) entries_after_first: HashMap<FindingKey, u32>,
    pub(in crate::delivery) buffered: HashMap<FindingKey, BufferedFinding>,
    /// Those of which a version has left in this run: what comes after it is sent, whatever the state says.
    pub(in crate::delivery) already_sent: HashSet<FindingKey>,
}

pub(in crate::delivery) struct BufferedFinding {
    pub(in crate::delivery) mapped: Box<Mapped>,
    pub(in crate::delivery) _permit: OwnedSemaphorePermit,
}

impl Repeated {
    /// Learns those of earlier scans.
    pub(in crate::delivery) fn add_known(&mut self, keys: &[FindingKey]) {
        self.keys.extend(keys);
    }

    /// How many entries of a finding came after the first, in this scan.
    pub(in crate::delivery) fn repeat_count(&self, key: FindingKey) -> u32 {
        self.entries_after_first.get(&key).copied().unwrap_or_default()
    }

    /// What the next state remembers: those of this scan, and earlier ones whose findings it has.
    pub(in crate::delivery) fn keys_to_store(&self, index: &Index) -> Vec<FindingKey> {
        let earlier =
            self.keys.iter().filter(|key| !self.entries_after_first.contains_key(key) && index.get(**key).is_some());
        let mut keys: Vec<FindingKey> =
            self.entries_after_first.keys().chain(earlier).copied().take(REPEATED_KEYS_MAX).collect();
        keys.sort_unstable();
        keys
    }
}

/// Room for what waits, for the Regions of one export together.
pub(crate) fn new_buffer_slots() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(BUFFERED_MAX))
}
