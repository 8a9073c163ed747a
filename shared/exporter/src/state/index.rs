//! What a state holds, in 58 bytes a finding: enough to compare a scan with it.

use std::cmp::Reverse;

use super::finding::{Key, Slot};

/// What the scan at hand says of a finding that the state holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    /// Nothing so far.
    #[default]
    Not,
    /// It passed, and passed findings are not sent.
    Passed,
    /// It is muted, and muted findings are not sent.
    Muted,
    /// Its own Region's Security Hub has it; this is about its copy in another Region.
    Moved,
    /// It is kept back by another setting; it is there all the same.
    Filtered,
    /// The check leaves the verdict to a user: what was sent stays as it is.
    Manual,
    /// It is to be in Security Hub: sent, or there as it is.
    Wanted,
}

/// What is known of a finding of the state while a scan is compared with it.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    seen: Seen,
    /// The next state has a newer entry for it: the old one is not copied.
    replaced: bool,
}

#[cfg(test)]
pub(super) const MARK_BYTES: usize = size_of::<Mark>();

/// The findings of a state by their keys.
#[derive(Debug, Default)]
pub struct Index {
    slots: Vec<Slot>,
    /// At the same places; a struct of both would be larger by its padding.
    marks: Vec<Mark>,
    sorted: bool,
}

impl Index {
    /// Adds an entry's facts while the state is read.
    pub fn push(&mut self, slot: Slot) {
        self.slots.push(slot);
        self.sorted = false;
    }

    /// Ends the reading. Of entries with one key the last one counts.
    pub fn close(&mut self) {
        // The service keeps the version with the latest UpdatedAt, whichever answer came first. Of equals the last one read
        // counts: the sort is stable, so it goes to the front of its group.
        self.slots.reverse();
        self.slots.sort_by_key(|slot| (slot.key, Reverse(slot.updated_ms)));
        self.slots.dedup_by_key(|slot| slot.key);
        self.slots.shrink_to_fit();
        self.marks = vec![Mark::default(); self.slots.len()];
        self.sorted = true;
    }

    /// The facts of a finding.
    pub fn get(&self, key: Key) -> Option<&Slot> {
        self.position(key).map(|at| &self.slots[at])
    }

    /// What the scan says of a finding.
    pub fn seen(&self, key: Key) -> Option<Seen> {
        self.position(key).map(|at| self.marks[at].seen)
    }

    /// Notes what the scan says of a finding. Of several words the strongest counts, the last of [`Seen`]. With `over`, what
    /// was said before does not count: it is of an older scan in the same file.
    pub fn see(&mut self, key: Key, seen: Seen, over: bool) {
        if let Some(at) = self.position(key) {
            let known = &mut self.marks[at].seen;
            *known = if over { seen } else { (*known).max(seen) };
        }
    }

    /// What the scan says of each finding that it says anything of.
    pub(crate) fn marks(&self) -> impl Iterator<Item = (Key, Seen)> {
        self.iter().filter(|(_, seen)| *seen != Seen::Not).map(|(slot, seen)| (slot.key, seen))
    }

    /// Notes that the next state has a newer entry for a finding.
    pub fn replace(&mut self, key: Key) {
        if let Some(at) = self.position(key) {
            self.marks[at].replaced = true;
        }
    }

    /// Whether an entry of the old state goes into the next one as it is: it is the one that counts, and nothing newer
    /// is there.
    pub fn keeps(&self, slot: &Slot) -> bool {
        self.position(slot.key).is_some_and(|at| !self.marks[at].replaced && self.slots[at] == *slot)
    }

    /// All findings with what the scan says of them.
    pub fn iter(&self) -> impl Iterator<Item = (&Slot, Seen)> {
        self.slots.iter().zip(&self.marks).map(|(slot, mark)| (slot, mark.seen))
    }

    /// All findings that stay in the next state from this one, with what the scan says of them.
    pub(crate) fn staying(&self) -> impl Iterator<Item = (&Slot, Seen)> {
        self.slots.iter().zip(&self.marks).filter(|(_, mark)| !mark.replaced).map(|(slot, mark)| (slot, mark.seen))
    }

    fn position(&self, key: Key) -> Option<usize> {
        debug_assert!(self.sorted || self.slots.is_empty(), "the index is closed before it is asked");
        self.slots.binary_search_by_key(&key, |slot| slot.key).ok()
    }
}
