//! The findings of a state in 58 bytes per finding: enough to compare a scan with it.

use std::cmp::Reverse;

use super::finding::{FindingKey, FindingMeta};

/// How the current scan shows a finding of the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SeenInScan {
    /// Not mentioned so far.
    #[default]
    Not,
    /// Passed, and passed findings are not sent.
    Passed,
    /// Muted, and muted findings are not sent.
    Muted,
    /// The Security Hub of the finding's own Region has it, and this is the copy in another Region.
    Moved,
    /// Present, but filtered by another setting.
    Filtered,
    /// The check requires a manual assessment (MANUAL): the finding stays as it was sent.
    Manual,
    /// Present, and should be in Security Hub: sent, or unchanged.
    Wanted,
}

/// The mark of a finding of the state while a scan is compared with it.
#[derive(Clone, Copy, Debug, Default)]
struct ScanMark {
    seen: SeenInScan,
    /// Whether the next state has a newer entry for it, so that the old one is not copied.
    next: NextEntry,
}

/// The entry of a finding in the next state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum NextEntry {
    /// The one of the old state.
    #[default]
    Old,
    /// A newer one, which is active.
    Active,
    /// A newer one, which is archived.
    Archived,
}

#[cfg(test)]
pub(super) const MARK_BYTES: usize = size_of::<ScanMark>();

/// The findings of a state, by key.
#[derive(Debug, Default)]
pub struct Index {
    entries_meta: Vec<FindingMeta>,
    /// Has the same order as `entries_meta`. A single vector of both would be larger because of padding.
    marks: Vec<ScanMark>,
    sorted: bool,
}

impl Index {
    /// Adds the metadata of an entry while the state is read.
    pub fn push(&mut self, meta: FindingMeta) {
        self.entries_meta.push(meta);
        self.sorted = false;
    }

    /// Finishes the index after reading. Of several entries with one key, the one with the latest `UpdatedAt` counts.
    pub fn finish(&mut self) {
        // The service stores the version with the latest `UpdatedAt`, whichever response came first. Of equal times the
        // last entry counts: the sort is stable, so reversing puts it first in its group.
        self.entries_meta.reverse();
        self.entries_meta.sort_by_key(|meta| (meta.key, Reverse(meta.updated_ms)));
        self.entries_meta.dedup_by_key(|meta| meta.key);
        self.entries_meta.shrink_to_fit();
        self.marks = vec![ScanMark::default(); self.entries_meta.len()];
        self.sorted = true;
    }

    /// The metadata of a finding.
    pub fn get(&self, key: FindingKey) -> Option<&FindingMeta> {
        self.position(key).map(|at| &self.entries_meta[at])
    }

    /// How the scan shows a finding.
    pub fn seen(&self, key: FindingKey) -> Option<SeenInScan> {
        self.position(key).map(|at| self.marks[at].seen)
    }

    /// Marks how the scan shows a finding. Of several marks, the strongest counts, which is the last in [`SeenInScan`].
    /// With `over`, earlier marks do not count, since they are of an older scan in the same file.
    pub fn mark(&mut self, key: FindingKey, seen: SeenInScan, over: bool) {
        if let Some(at) = self.position(key) {
            let known = &mut self.marks[at].seen;
            *known = if over { seen } else { (*known).max(seen) };
        }
    }

    /// The marks of all findings that the scan mentions.
    pub(crate) fn marks(&self) -> impl Iterator<Item = (FindingKey, SeenInScan)> {
        self.iter().filter(|(_, seen)| *seen != SeenInScan::Not).map(|(meta, seen)| (meta.key, seen))
    }

    /// Records that the next state has a newer entry of a finding, and whether it is active.
    pub fn mark_replaced(&mut self, key: FindingKey, is_active: bool) {
        if let Some(at) = self.position(key) {
            self.marks[at].next = if is_active { NextEntry::Active } else { NextEntry::Archived };
        }
    }

    /// How many of these findings are active by the next state, without those that Security Hub has deleted by now.
    pub(super) fn active_next(&self, now_ms: i64) -> u64 {
        let is_active = |(meta, mark): (&FindingMeta, &ScanMark)| match mark.next {
            NextEntry::Old => meta.is_active() && !meta.is_expired(now_ms),
            NextEntry::Active => true,
            NextEntry::Archived => false,
        };
        self.entries_meta.iter().zip(&self.marks).filter(|entry| is_active(*entry)).count() as u64
    }

    /// Whether an entry of the old state is copied into the next one: it is the entry that counts, and there is no
    /// newer one.
    pub fn is_current(&self, meta: &FindingMeta) -> bool {
        self.position(meta.key)
            .is_some_and(|at| self.marks[at].next == NextEntry::Old && self.entries_meta[at] == *meta)
    }

    /// All findings with their marks.
    pub fn iter(&self) -> impl Iterator<Item = (&FindingMeta, SeenInScan)> {
        self.entries_meta.iter().zip(&self.marks).map(|(meta, mark)| (meta, mark.seen))
    }

    /// All findings whose entries are copied into the next state, with their marks.
    pub(crate) fn unreplaced(&self) -> impl Iterator<Item = (&FindingMeta, SeenInScan)> {
        self.entries_meta
            .iter()
            .zip(&self.marks)
            .filter(|(_, mark)| mark.next == NextEntry::Old)
            .map(|(meta, mark)| (meta, mark.seen))
    }

    fn position(&self, key: FindingKey) -> Option<usize> {
        debug_assert!(self.sorted || self.entries_meta.is_empty(), "the index is finished before it is queried");
        self.entries_meta.binary_search_by_key(&key, |meta| meta.key).ok()
    }
}
