//! What a state holds, in 58 bytes per finding: enough to compare a scan with it.

use std::cmp::Reverse;

use super::finding::{FindingKey, FindingMeta};

/// What the scan at hand says of a finding that the state holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SeenInScan {
    /// Nothing so far.
    #[default]
    Not,
    /// It passed, and passed findings are not sent.
    Passed,
    /// It is muted, and muted findings are not sent.
    Muted,
    /// Its own Region's Security Hub has it; this is about its copy in another Region.
    Moved,
    /// It is filtered by another setting; it is there all the same.
    Filtered,
    /// The check leaves the verdict to a user: what was sent stays as it is.
    Manual,
    /// It is to be in Security Hub: sent, or there as it is.
    Wanted,
}

/// What is known of a finding of the state while a scan is compared with it.
#[derive(Clone, Copy, Debug, Default)]
struct ScanMark {
    seen: SeenInScan,
    /// The next state has a newer entry for it: the old one is not copied.
    replaced: bool,
}

#[cfg(test)]
pub(super) const MARK_BYTES: usize = size_of::<ScanMark>();

/// The findings of a state by their keys.
#[derive(Debug, Default)]
pub struct Index {
    entries_meta: Vec<FindingMeta>,
    /// At the same places; a struct of both would be larger by its padding.
    marks: Vec<ScanMark>,
    sorted: bool,
}

impl Index {
    /// Adds an entry's facts while the state is read.
    pub fn push(&mut self, meta: FindingMeta) {
        self.entries_meta.push(meta);
        self.sorted = false;
    }

    /// Ends the reading. Of entries with one key the last one counts.
    pub fn finish(&mut self) {
        // The service keeps the version with the latest UpdatedAt, whichever answer came first. Of equals the last one read
        // counts: the sort is stable, so it goes to the front of its group.
        self.entries_meta.reverse();
        self.entries_meta.sort_by_key(|meta| (meta.key, Reverse(meta.updated_ms)));
        self.entries_meta.dedup_by_key(|meta| meta.key);
        self.entries_meta.shrink_to_fit();
        self.marks = vec![ScanMark::default(); self.entries_meta.len()];
        self.sorted = true;
    }

    /// The facts of a finding.
    pub fn get(&self, key: FindingKey) -> Option<&FindingMeta> {
        self.position(key).map(|at| &self.entries_meta[at])
    }

    /// What the scan says of a finding.
    pub fn seen(&self, key: FindingKey) -> Option<SeenInScan> {
        self.position(key).map(|at| self.marks[at].seen)
    }

    /// Notes what the scan says of a finding. Of several words the strongest counts, the last of [`SeenInScan`]. With `over`, what
    /// was said before does not count: it is of an older scan in the same file.
    pub fn mark(&mut self, key: FindingKey, seen: SeenInScan, over: bool) {
        if let Some(at) = self.position(key) {
            let known = &mut self.marks[at].seen;
            *known = if over { seen } else { (*known).max(seen) };
        }
    }

    /// What the scan says of each finding that it says anything of.
    pub(crate) fn marks(&self) -> impl Iterator<Item = (FindingKey, SeenInScan)> {
        self.iter().filter(|(_, seen)| *seen != SeenInScan::Not).map(|(meta, seen)| (meta.key, seen))
    }

    /// Notes that the next state has a newer entry for a finding.
    pub fn mark_replaced(&mut self, key: FindingKey) {
        if let Some(at) = self.position(key) {
            self.marks[at].replaced = true;
        }
    }

    /// Whether an entry of the old state goes into the next one as it is: it is the one that counts, and nothing newer
    /// is there.
    pub fn is_current(&self, meta: &FindingMeta) -> bool {
        self.position(meta.key).is_some_and(|at| !self.marks[at].replaced && self.entries_meta[at] == *meta)
    }

    /// All findings with what the scan says of them.
    pub fn iter(&self) -> impl Iterator<Item = (&FindingMeta, SeenInScan)> {
        self.entries_meta.iter().zip(&self.marks).map(|(meta, mark)| (meta, mark.seen))
    }

    /// All findings that stay in the next state from this one, with what the scan says of them.
    pub(crate) fn unreplaced(&self) -> impl Iterator<Item = (&FindingMeta, SeenInScan)> {
        self.entries_meta
            .iter()
            .zip(&self.marks)
            .filter(|(_, mark)| !mark.replaced)
            .map(|(meta, mark)| (meta, mark.seen))
    }

    fn position(&self, key: FindingKey) -> Option<usize> {
        debug_assert!(self.sorted || self.entries_meta.is_empty(), "the index is closed before it is asked");
        self.entries_meta.binary_search_by_key(&key, |meta| meta.key).ok()
    }
}
