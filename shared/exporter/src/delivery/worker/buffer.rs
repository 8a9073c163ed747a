//! Takes back earlier entries of a finding, and keeps findings that scans report several times until the end of the file.

use asff::Mapped;

use super::region::RegionWorker;
use super::repeated::Waiting;
use crate::delivery::stamp::stamps;
use crate::filter::FilterReason;
use crate::ports::{PortError, Ports};
use crate::report::Fate;
use crate::state::{FindingKey, Stored, compare};

impl<P: Ports> RegionWorker<P> {
    /// Takes back what is to be sent of an earlier entry of the same finding, if it has not left yet. Whether it had been given to
    /// be sent, and has left.
    pub(in crate::delivery) fn take_back(&mut self, mapped: &Mapped, key: FindingKey, was_sent: bool) -> bool {
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
                self.work.report.changes.uncount(compare(last.as_ref(), other, now_ms));
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
            self.work.counts.add(Fate::Filtered(FilterReason::Duplicate.as_str().to_owned()), 1);
        }
        was_sent && (!is_back || has_left)
    }

    /// Keeps a finding until the end of the file, if earlier scans reported it several times, and there is room. Otherwise gives it
    /// back.
    pub(in crate::delivery) fn wait(&mut self, mapped: Box<Mapped>, key: FindingKey) -> Option<Box<Mapped>> {
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
    pub(in crate::delivery) async fn send_waiting(&mut self) -> Result<(), PortError> {
        let mut waiting: Vec<_> = self.work.repeated.waiting.drain().collect();
        waiting.sort_by_key(|(_, waiting)| waiting.mapped.offset);
        for (key, Waiting { mapped, .. }) in waiting {
            let last = self.last(key);
            let delta = compare(last.as_ref(), mapped.content_hash(), self.ports.now().as_millisecond());
            self.work.report.changes.count(delta);
            let stamps = stamps(&mapped, self.work.repeated.repeats(key), last.as_ref(), self.ports.now());
            self.send(&mapped, key, &stamps, Stored::Active(mapped.status), false).await?;
        }
        Ok(())
    }
}
