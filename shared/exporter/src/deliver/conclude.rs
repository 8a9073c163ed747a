//! The end of a Region's work: archive what is over, if it may be, and save the state.

use bytes::Bytes;
use jiff::Timestamp;

use super::region::{RegionWorker, Work, Worked};
use super::stamp::{finding_id, once_more};
use super::stop::Stop;
use crate::integration::ArchiveScope;
use crate::pack::Outgoing;
use crate::ports::{PortError, Ports};
use crate::state::{Ended, Seen, Slot, Stored, archived, status_of};

/// Days for which an archived finding is remembered, so that its first-seen time is there when it returns. The service
/// forgets it after 30.
const ARCHIVED_KEPT_DAYS: i64 = 90;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl<P: Ports> RegionWorker<P> {
    /// Findings that are live before the run, and how many of them the scan shows to be over.
    pub(crate) fn ended(&self) -> (usize, usize) {
        let Some(ledger) = &self.work.ledger else { return (0, 0) };
        let ended = ledger.index.iter().filter(|(slot, seen)| self.is_over(slot, *seen).is_some()).count();
        (ledger.index.live(), ended)
    }

    /// Whether the Region took, refused or handed on all that it was told, and did not just fail to answer.
    pub(crate) fn is_settled(&self) -> bool {
        !matches!(self.sender.stop(), Some(Stop::Undelivered(_)))
    }

    fn is_over(&self, slot: &Slot, seen: Seen) -> Option<Ended> {
        let mine = slot.is_live() && !slot.is_newer_than(self.header.scanned_at);
        let ended = Ended::of(seen).filter(|_| mine)?;
        let scanned = self.policy.archive_scope == ArchiveScope::Full || self.work.checks.contains(&slot.check);
        (scanned || ended != Ended::Gone).then_some(ended)
    }

    /// Archives what is over, if it may, and saves the state. Findings of other Regions, sent here by the fallback, are
    /// over only if every Region has spoken.
    pub(crate) async fn conclude(mut self, archive: bool, others_too: bool) -> Worked {
        let concluded = self.save(archive, others_too).await;
        self.note(concluded);
        let doubtful = self.is_doubtful() && !self.work.opened;
        let Work { counts, mut report, error, left_keys: left, .. } = self.work;
        let lane = self.sender.lane();
        report.sent = counts.sent;
        report.unchanged = counts.unchanged;
        report.filtered = counts.filtered_total();
        report.archived = counts.archived;
        (report.calls, report.throttled, report.retried) = lane.counters.read();
        match self.sender.stop() {
            Some(Stop::Unavailable(unavailable)) => report.unavailable = Some(unavailable.clone()),
            Some(Stop::Undelivered(reason)) if self.policy.archive => report.unfinished = Some((*reason).to_owned()),
            _ => {}
        }
        Worked { counts, report, doubtful, error, left }
    }

    async fn save(&mut self, archive: bool, others_too: bool) -> Result<(), PortError> {
        if self.work.error.is_some() {
            return Ok(());
        }
        self.still_ours()?;
        let archive = archive && self.work.clean && self.sender.stop().is_none();
        let over = if archive { self.ended().1 } else { 0 };
        let Some(ledger) = &mut self.work.ledger else { return Ok(()) };
        if !ledger.is_changed() && over == 0 {
            return Ok(());
        }
        ledger.touch().await?;
        self.work.archiving = true;
        let now = self.ports.now();
        self.work.report.archived_at = (over > 0).then_some(now);
        let forget_before_ms = now.as_millisecond() - ARCHIVED_KEPT_DAYS * DAY_MS;
        if ledger.old.is_some()
            && let Some(mut entries) = ledger.entries().await?
        {
            while let Some(entry) = entries.next().await.map_err(|error| error.again("the state"))? {
                let Some(ledger) = &mut self.work.ledger else { break };
                if !ledger.index.keeps(&entry.slot) {
                    continue;
                }
                let seen = ledger.index.seen(entry.slot.key).unwrap_or_default();
                let may_be = archive && (others_too || self.is_of_this_region(&entry.json));
                // A partial scan of this Region says nothing of what another Region's findings are missing.
                let speaks = self.policy.archive_scope == ArchiveScope::Full || self.is_of_this_region(&entry.json);
                let over = self.is_over(&entry.slot, seen).filter(|ended| may_be && (speaks || *ended != Ended::Gone));
                match over {
                    Some(ended) => {
                        let finding = self.over(&entry.slot, &entry.json, ended, now)?;
                        self.sender.send(finding).await;
                        self.settle().await?;
                    }
                    None if !entry.slot.is_live() && entry.slot.sent_ms < forget_before_ms => {}
                    None => {
                        if let Some(ledger) = &mut self.work.ledger {
                            ledger.copy(&entry.slot, &entry.json).await?;
                        }
                    }
                }
            }
        }
        self.sender.flush().await;
        self.settle().await?;
        self.still_ours()?;
        match self.work.ledger.take() {
            Some(ledger) => ledger.save().await,
            None => Ok(()),
        }
    }

    /// What another run keeps by now is not written over, and not called well.
    fn still_ours(&self) -> Result<(), PortError> {
        if self.sender.lane().lease.is_lost() {
            return Err(self.failed(&format!("the hold on account {} was lost to another run", self.header.account)));
        }
        Ok(())
    }

    /// Whether a finding belongs to the Region that holds it. Its Id says which that is.
    fn is_of_this_region(&self, json: &[u8]) -> bool {
        finding_id(json).is_ok_and(|id| id.contains(&format!("-{}-", self.header.region)))
    }

    /// A finding that is over, as it is sent for the last time.
    fn over(&self, slot: &Slot, json: &Bytes, ended: Ended, now: Timestamp) -> Result<Outgoing, PortError> {
        let was = status_of(slot, json, &self.policy.regions);
        let scanned_at = self.header.scanned_at.unwrap_or(now).min(now);
        let updated_ms = scanned_at.as_millisecond().max(slot.updated_ms + 1);
        once_more(slot, Stored::Archived(was), updated_ms, now, |updated_at| archived(json, ended, updated_at))
    }
}
