//! Removes earlier entries of a finding that were not sent yet, and buffers findings that scans report several times
//! until the end of the file.

use asff::Mapped;

use super::region::RegionWorker;
use super::repeated::BufferedFinding;
use crate::delivery::stamp::compute_stamps;
use crate::ports::{PortError, Ports};
use crate::report::Fate;
use crate::selection::filter::FilterReason;
use crate::state::{FindingKey, Stored, compare};

impl<P: Ports> RegionWorker<P> {
    /// Removes an earlier entry of the same finding if it was not sent yet. Returns whether a version of the finding
    /// was already sent.
    pub(in crate::delivery) fn retract(&mut self, mapped: &Mapped, key: FindingKey, was_sent: bool) -> bool {
        self.state.repeated.keys.insert(key);
        *self.state.repeated.entries_after_first.entry(key).or_default() += 1;
        let has_left = self.state.repeated.already_sent.contains(&key);
        let is_back = match self.state.repeated.buffered.remove(&key) {
            Some(_) => true,
            None if was_sent && self.sender.remove_unsent(key) => {
                let last = self.last_sent(key);
                // The inverted hash differs from the one last sent, as the removed version's did.
                let other = last.map_or(0, |last| !last.content);
                let now_ms = self.ports.now().as_millisecond();
                self.state.report.changes.uncount(compare(last.as_ref(), other, now_ms));
                if !has_left {
                    self.state.deduplicator.note_removed(mapped);
                }
                true
            }
            None => {
                if was_sent {
                    self.state.repeated.already_sent.insert(key);
                }
                false
            }
        };
        if is_back {
            self.state.counts.add(Fate::Filtered(FilterReason::Duplicate.as_str().to_owned()), 1);
        }
        was_sent && (!is_back || has_left)
    }

    /// Buffers a finding until the end of the file if earlier scans reported it several times and a slot is free.
    /// Otherwise returns it.
    pub(in crate::delivery) fn buffer(&mut self, mapped: Box<Mapped>, key: FindingKey) -> Option<Box<Mapped>> {
        if !self.state.repeated.keys.contains(&key) {
            return Some(mapped);
        }
        match self.buffer_slots.clone().try_acquire_owned() {
            Ok(permit) => {
                self.state.repeated.buffered.insert(key, BufferedFinding { mapped, _permit: permit });
                None
            }
            Err(_) => Some(mapped),
        }
    }

    /// Sends the buffered findings, in the order of the file.
    pub(in crate::delivery) async fn send_buffered(&mut self) -> Result<(), PortError> {
        let mut waiting: Vec<_> = self.state.repeated.buffered.drain().collect();
        waiting.sort_by_key(|(_, waiting)| waiting.mapped.offset);
        for (key, BufferedFinding { mapped, .. }) in waiting {
            let last = self.last_sent(key);
            let delta = compare(last.as_ref(), mapped.content_hash(), self.ports.now().as_millisecond());
            self.state.report.changes.count(delta);
            let stamps =
                compute_stamps(&mapped, self.state.repeated.repeat_count(key), last.as_ref(), self.ports.now());
            self.send(&mapped, key, &stamps, Stored::Active(mapped.status), false).await?;
        }
        Ok(())
    }
}
