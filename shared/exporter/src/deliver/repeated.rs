//! Findings that a scan reports several times, such as a check that has a result for each entry of a list: the worst status of the
//! newest scan counts, and what comes before it in the file is not sent first.
//!
//! Two things see to that: what waits in an unsent batch is taken back, and what was several times in an earlier scan, which the
//! state remembers, waits for the end of the file where Security Hub has something else.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use asff::Mapped;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::region::RegionWorker;
use super::stamp::stamps;
use crate::filter::Kept;
use crate::ports::{PortError, Ports};
use crate::report::Fate;
use crate::state::{Index, Key, Stored, decide};

/// Findings of one export that wait for the end of the file at most. Each takes some 5 KB. What is above is sent at once.
pub(crate) const WAITING_MAX: usize = 4000;
/// Findings of one Region that the state remembers as reported several times at most.
const REMEMBERED_MAX: usize = 10_000;

/// The findings of one Region that a scan reports several times.
#[derive(Default)]
pub(super) struct Repeated {
    /// Those of earlier scans, and of this one.
    known: HashSet<Key>,
    /// Those of this scan, and how many of their entries came after the first.
    here: HashMap<Key, u32>,
    waiting: HashMap<Key, Waiting>,
    /// Those of which a version has left in this run: what comes after it is sent, whatever the state says.
    left: HashSet<Key>,
}

struct Waiting {
    mapped: Box<Mapped>,
    _permit: OwnedSemaphorePermit,
}

impl Repeated {
    /// Learns those of earlier scans.
    pub(super) fn learn(&mut self, keys: &[Key]) {
        self.known.extend(keys);
    }

    /// How many entries of a finding came after the first, in this scan.
    pub(super) fn repeats(&self, key: Key) -> u32 {
        self.here.get(&key).copied().unwrap_or_default()
    }

    /// What the next state remembers: those of this scan, and earlier ones whose findings it has.
    pub(super) fn remembered(&self, index: &Index) -> Vec<Key> {
        let earlier = self.known.iter().filter(|key| !self.here.contains_key(key) && index.get(**key).is_some());
        let mut keys: Vec<Key> = self.here.keys().chain(earlier).copied().take(REMEMBERED_MAX).collect();
        keys.sort_unstable();
        keys
    }
}

impl<P: Ports> RegionWorker<P> {
    /// Takes back what is to be sent of an earlier entry of the same finding, if it has not left yet. Whether it had been given to
    /// be sent, and has left.
    pub(super) fn take_back(&mut self, mapped: &Mapped, key: Key, was_sent: bool) -> bool {
        self.work.repeated.known.insert(key);
        *self.work.repeated.here.entry(key).or_default() += 1;
        let has_left = self.work.repeated.left.contains(&key);
        let is_back = match self.work.repeated.waiting.remove(&key) {
            Some(_) => true,
            None if was_sent && self.sender.take_back(key) => {
                let last = self.last(key);
                // Whatever it was, it was not what was last sent.
                let other = last.map_or(0, |last| !last.content);
                let now_ms = self.ports.now().as_millisecond();
                self.work.report.changes.uncount(decide(last.as_ref(), other, now_ms));
                if !has_left {
                    self.work.identities.note_taken_back(mapped);
                }
                true
            }
            None => {
                if was_sent {
                    self.work.repeated.left.insert(key);
                }
                false
            }
        };
        if is_back {
            self.work.counts.add(Fate::Filtered(Kept::Duplicate.as_str().to_owned()), 1);
        }
        was_sent && (!is_back || has_left)
    }

    /// Keeps a finding until the end of the file, if earlier scans reported it several times, and there is room. Otherwise gives it
    /// back.
    pub(super) fn wait(&mut self, mapped: Box<Mapped>, key: Key) -> Option<Box<Mapped>> {
        if !self.work.repeated.known.contains(&key) {
            return Some(mapped);
        }
        match self.room.clone().try_acquire_owned() {
            Ok(permit) => {
                self.work.repeated.waiting.insert(key, Waiting { mapped, _permit: permit });
                None
            }
            Err(_) => Some(mapped),
        }
    }

    /// Sends what waited for the end of the file.
    pub(super) async fn send_waiting(&mut self) -> Result<(), PortError> {
        let mut waiting: Vec<_> = self.work.repeated.waiting.drain().collect();
        waiting.sort_by_key(|(_, waiting)| waiting.mapped.offset);
        for (key, Waiting { mapped, .. }) in waiting {
            let last = self.last(key);
            let delta = decide(last.as_ref(), mapped.content_hash(), self.ports.now().as_millisecond());
            self.work.report.changes.count(delta);
            let stamps = stamps(&mapped, self.work.repeated.repeats(key), last.as_ref(), self.ports.now());
            self.send(&mapped, key, &stamps, Stored::Active(mapped.status), false).await?;
        }
        Ok(())
    }
}

/// Room for what waits, for the Regions of one export together.
pub(crate) fn room() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(WAITING_MAX))
}
