//! What becomes of findings that a Region's worker has decided to send: their fate, and their place in the next state.

use super::region::{Message, RegionWorker};
use crate::delivery::halt::RegionHalt;
use crate::delivery::sender::Settled;
use crate::pack::{Batch, Outgoing};
use crate::ports::{PortError, Ports};
use crate::quarantine::Entry;
use crate::report::{Fate, undelivered};
use crate::state::{FindingKey, FindingMeta, SeenInScan, Stored, UNARCHIVED};

impl<P: Ports> RegionWorker<P> {
    /// Sends a finding, or gives it the fate that the Region's stop means.
    pub(in crate::delivery) async fn dispatch(&mut self, finding: Outgoing) -> Result<(), PortError> {
        if self.work.archiving {
            // The sender says what becomes of it, also where the Region has stopped.
            self.sender.send(finding).await;
            return Ok(());
        }
        match self.sender.stop().cloned() {
            None => {
                self.sender.send(finding).await;
                Ok(())
            }
            Some(RegionHalt::Undelivered(reason)) => {
                self.work.clean = false;
                self.work.left = true;
                self.remember([finding.meta.key]);
                self.work.counts.add(Fate::Undelivered(reason.to_owned()), 1);
                Ok(())
            }
            Some(RegionHalt::Unavailable(why)) => {
                self.work.clean = false;
                self.refuse(finding, &why.reason).await;
                Ok(())
            }
        }
    }

    async fn refuse(&mut self, finding: Outgoing, reason: &str) {
        // Its own scan's time, or a moment later.
        let at_ms = finding.meta.updated_ms;
        if !self.late.is_empty() {
            self.work.untold.push((finding.meta.key, SeenInScan::Wanted, at_ms));
        }
        for keeper in &self.keepers {
            let seen = Message::SeenInScan(finding.meta.key, SeenInScan::Wanted, at_ms);
            // A keeper that ended early has an error of its own.
            let _ = keeper.send(seen).await;
        }
        let Some(fallback) = &self.fallback else {
            self.remember([finding.meta.key]);
            self.work.counts.add(Fate::RegionUnavailable(self.header.region, reason.to_owned()), 1);
            return;
        };
        // The fallback's worker lives until every sender is gone, so it takes it.
        match fallback.send(Message::Redirected(finding)).await {
            Ok(()) => self.work.counts.redirected += 1,
            Err(_) => self.work.counts.add(Fate::Undelivered(undelivered::SERVICE_ERROR.to_owned()), 1),
        }
    }

    /// Counts what the sender settled, and puts it into the next state.
    pub(in crate::delivery) async fn settle(&mut self) -> Result<(), PortError> {
        for settled in self.sender.settled() {
            match settled {
                Settled::Sent(batch) => {
                    if self.work.archiving {
                        self.work.counts.archived += batch.len() as u64;
                    } else {
                        self.work.counts.add(Fate::Sent, batch.len() as u64);
                    }
                    self.record(&batch, false).await?;
                    self.tell_stored(&batch).await?;
                }
                Settled::Uncertain(batch, reason) => {
                    self.leave(&batch, reason);
                    self.record(&batch, true).await?;
                }
                Settled::Untried(batch, reason) => {
                    self.leave(&batch, reason);
                    self.keep_active(&batch);
                }
                Settled::Refused(batch) => self.turn_away(batch).await?,
                Settled::Rejected(rejected) => {
                    if self.work.archiving {
                        *self.work.counts.archive_rejected.entry(rejected.code.clone()).or_default() += 1;
                        self.work.not_archived.insert(rejected.meta.key);
                    } else {
                        self.work.counts.add(Fate::Quarantined(rejected.code.clone()), 1);
                        // What was not stored here stays where it is.
                        self.tell(rejected.meta.key, SeenInScan::Wanted, rejected.meta.updated_ms).await?;
                    }
                    self.quarantine.put(Entry::refused(self.header.account, self.header.region, rejected)).await?;
                }
            }
        }
        Ok(())
    }

    /// Tells the Regions that may hold copies of findings that they are here now.
    async fn tell_stored(&mut self, batch: &Batch) -> Result<(), PortError> {
        if self.fallback.is_none() && self.keepers.is_empty() && self.late.is_empty() {
            return Ok(());
        }
        for (meta, _) in batch.entries() {
            self.tell(meta.key, SeenInScan::Moved, self.scanned_ms(&meta)).await?;
        }
        Ok(())
    }

    /// The time of the scan that a finding was sent by.
    fn scanned_ms(&self, meta: &FindingMeta) -> i64 {
        let first_ms = self.header.scanned_at.map_or(meta.updated_ms, |first| first.as_millisecond());
        self.work.times.get(&meta.key).copied().unwrap_or(first_ms)
    }

    /// Notes that these findings are in Security Hub as they were: the archive that was to come did not.
    fn keep_active(&mut self, batch: &Batch) {
        if self.work.archiving {
            self.work.not_archived.extend(batch.entries().map(|(meta, _)| meta.key));
        }
    }

    fn leave(&mut self, batch: &Batch, reason: &str) {
        self.work.clean = false;
        self.work.left = true;
        self.remember(batch.entries().map(|(meta, _)| meta.key));
        if self.work.archiving {
            self.work.counts.archive_undelivered += batch.len() as u64;
        } else {
            self.work.counts.add(Fate::Undelivered(reason.to_owned()), batch.len() as u64);
        }
    }

    fn remember(&mut self, keys: impl IntoIterator<Item = FindingKey>) {
        if self.policy.remembers_left {
            self.work.left_keys.extend(keys);
        }
    }

    async fn turn_away(&mut self, batch: Batch) -> Result<(), PortError> {
        self.work.clean = false;
        if self.work.archiving {
            self.work.counts.archive_unavailable += batch.len() as u64;
            self.keep_active(&batch);
            return Ok(());
        }
        let reason = match self.sender.stop() {
            Some(RegionHalt::Unavailable(why)) => why.reason.clone(),
            _ => undelivered::SERVICE_ERROR.to_owned(),
        };
        for finding in batch.into_outgoing() {
            self.refuse(finding, &reason).await;
        }
        Ok(())
    }

    /// Puts what was sent into the next state. `unanswered`: nobody knows whether it arrived.
    async fn record(&mut self, batch: &Batch, unanswered: bool) -> Result<(), PortError> {
        let archiving = self.work.archiving;
        let Some(region_state) = &mut self.work.region_state else { return Ok(()) };
        for (meta, json) in batch.entries() {
            let meta = match unanswered {
                true if archiving => FindingMeta { stored: Stored::Uncertain, absent: UNARCHIVED, ..meta },
                true => FindingMeta { stored: Stored::Uncertain, ..meta },
                false => meta,
            };
            region_state.record(&meta, json).await?;
        }
        Ok(())
    }
}
