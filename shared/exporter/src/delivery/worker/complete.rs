//! How sent findings are completed: their outcome, and their entry in the next state.

use super::region::{Message, RegionWorker};
use crate::delivery::halt::RegionHalt;
use crate::delivery::pack::{Batch, Outgoing};
use crate::delivery::sender::SendOutcome;
use crate::delivery::stamp::resend_stored;
use crate::model::problem::Problem;
use crate::ports::{PortError, Ports};
use crate::quarantine::Entry;
use crate::report::reasons::unavailable::{HUB_NOT_ENABLED, REGION_NOT_OPTED_IN};
use crate::report::{Fate, undelivered};
use crate::state::{FindingKey, FindingMeta, SeenInScan, Stored, UNARCHIVED, resent};

impl<P: Ports> RegionWorker<P> {
    /// Sends a finding. If the Region has halted, gives the finding the outcome that the halt implies.
    pub(in crate::delivery) async fn send_or_defer(&mut self, finding: Outgoing) -> Result<(), PortError> {
        if self.state.archiving {
            // The sender reports the outcome, even if the Region has halted.
            self.sender.send(finding).await;
            return Ok(());
        }
        match self.sender.halt().cloned() {
            None => {
                self.sender.send(finding).await;
                Ok(())
            }
            Some(RegionHalt::Undelivered(reason)) => {
                self.state.is_complete = false;
                self.state.has_deferred = true;
                self.collect_deferred([finding.meta.key]);
                self.state.counts.add(Fate::Undelivered(reason.to_owned()), 1);
                Ok(())
            }
            Some(RegionHalt::Unavailable(why)) => {
                self.state.is_complete = false;
                self.redirect(finding, &why.reason).await;
                Ok(())
            }
        }
    }

    async fn redirect(&mut self, finding: Outgoing, reason: &str) {
        // The finding's scan time, or slightly later.
        let at_ms = finding.meta.updated_ms;
        if !self.late_copy_regions.is_empty() {
            self.state.deferred_marks.push((finding.meta.key, SeenInScan::Wanted, at_ms));
        }
        for copy_region in &self.copy_regions {
            let seen = Message::SeenInScan(finding.meta.key, SeenInScan::Wanted, at_ms);
            // A worker that ended early reports its own error.
            let _ = copy_region.send(seen).await;
        }
        let Some(fallback) = &self.fallback else {
            self.collect_deferred([finding.meta.key]);
            self.state.counts.add(Fate::RegionUnavailable(self.header.region, reason.to_owned()), 1);
            return;
        };
        // The fallback Region's worker runs until all senders of its queue are dropped, so that it receives the
        // finding.
        match fallback.send(Message::Redirected(finding)).await {
            Ok(()) => self.state.counts.redirected += 1,
            Err(_) => self.state.counts.add(Fate::Undelivered(undelivered::SERVICE_ERROR.to_owned()), 1),
        }
    }

    /// Whether an import showed that the Region's Security Hub, which could not be verified, is not enabled: it does not have the
    /// findings of the state.
    pub(in crate::delivery) fn is_unverified_hub_disabled(&self) -> bool {
        let is_disabled = |why: &Problem| [HUB_NOT_ENABLED, REGION_NOT_OPTED_IN].contains(&why.reason.as_str());
        self.state.report.hub_unverified.is_some()
            && matches!(self.sender.halt(), Some(RegionHalt::Unavailable(why)) if is_disabled(why))
    }

    /// Redirects the findings that were counted as unchanged before an import showed that Security Hub is not enabled.
    pub(in crate::delivery) async fn redirect_unverified(&mut self) -> Result<(), PortError> {
        if self.state.error.is_some() || self.state.unverified.is_empty() || !self.is_unverified_hub_disabled() {
            return Ok(());
        }
        let Some(RegionHalt::Unavailable(why)) = self.sender.halt().cloned() else { return Ok(()) };
        let Some(region_state) = &self.state.region_state else { return Ok(()) };
        let Some(mut entries) = region_state.entries().await? else { return Ok(()) };
        let now = self.ports.now();
        while let Some(entry) = entries.next().await.map_err(|error| error.on_second_read("the state"))? {
            let is_current =
                self.state.region_state.as_ref().is_some_and(|region_state| region_state.index.is_current(&entry.meta));
            if !is_current || !self.state.unverified.remove(&entry.meta.key) {
                continue;
            }
            let updated_ms = self.newest_scan_ms(entry.meta.key).max(entry.meta.updated_ms);
            let finding = resend_stored(&entry.meta, entry.meta.stored, updated_ms, now, |at| resent(&entry.json, at))?;
            self.state.counts.unchanged -= 1;
            self.state.is_complete = false;
            self.redirect(finding, &why.reason).await;
        }
        Ok(())
    }

    /// Counts the findings that the sender completed, and records them in the next state.
    pub(in crate::delivery) async fn complete_sent(&mut self) -> Result<(), PortError> {
        for outcome in self.sender.take_outcomes() {
            match outcome {
                SendOutcome::Sent(batch) => {
                    if self.state.archiving {
                        self.state.counts.archived += batch.len() as u64;
                    } else {
                        self.state.counts.add(Fate::Sent, batch.len() as u64);
                    }
                    self.record_batch(&batch, false).await?;
                    self.forward_stored(&batch).await?;
                }
                SendOutcome::Unknown(batch, reason) => {
                    self.defer(&batch, reason);
                    self.record_batch(&batch, true).await?;
                }
                SendOutcome::NotAttempted(batch, reason) => {
                    self.defer(&batch, reason);
                    self.mark_not_archived(&batch);
                }
                SendOutcome::RegionRejected(batch) => self.reject(batch).await?,
                SendOutcome::Rejected(rejected) => {
                    if self.state.archiving {
                        *self.state.counts.archive_rejected.entry(rejected.code.clone()).or_default() += 1;
                        self.state.not_archived.insert(rejected.meta.key);
                    } else {
                        self.state.counts.add(Fate::Quarantined(rejected.code.clone()), 1);
                        // The finding was not stored in this Region, so that a copy in another Region stays as it is.
                        self.forward_mark(rejected.meta.key, SeenInScan::Wanted, rejected.meta.updated_ms).await?;
                    }
                    self.quarantine.put(Entry::rejected(self.header.account, self.header.region, rejected)).await?;
                }
            }
        }
        Ok(())
    }

    /// Notifies the Regions that may have copies of findings that this Region has them now.
    async fn forward_stored(&mut self, batch: &Batch) -> Result<(), PortError> {
        if self.fallback.is_none() && self.copy_regions.is_empty() && self.late_copy_regions.is_empty() {
            return Ok(());
        }
        for (meta, _) in batch.entries() {
            self.forward_mark(meta.key, SeenInScan::Moved, self.sent_scan_ms(&meta)).await?;
        }
        Ok(())
    }

    /// The time of the scan from which a finding was sent.
    fn sent_scan_ms(&self, meta: &FindingMeta) -> i64 {
        let first_ms = self.header.scanned_at.map_or(meta.updated_ms, |first| first.as_millisecond());
        self.state.times.get(&meta.key).copied().unwrap_or(first_ms)
    }

    /// Records that these findings were not archived: Security Hub still has them as they were.
    fn mark_not_archived(&mut self, batch: &Batch) {
        if self.state.archiving {
            self.state.not_archived.extend(batch.entries().map(|(meta, _)| meta.key));
        }
    }

    fn defer(&mut self, batch: &Batch, reason: &str) {
        self.state.is_complete = false;
        self.state.has_deferred = true;
        self.collect_deferred(batch.entries().map(|(meta, _)| meta.key));
        if self.state.archiving {
            self.state.counts.archive_undelivered += batch.len() as u64;
        } else {
            self.state.counts.add(Fate::Undelivered(reason.to_owned()), batch.len() as u64);
        }
    }

    fn collect_deferred(&mut self, keys: impl IntoIterator<Item = FindingKey>) {
        if self.policy.collects_deferred {
            self.state.deferred_keys.extend(keys);
        }
    }

    async fn reject(&mut self, batch: Batch) -> Result<(), PortError> {
        self.state.is_complete = false;
        if self.state.archiving {
            self.state.counts.archive_unavailable += batch.len() as u64;
            self.mark_not_archived(&batch);
            return Ok(());
        }
        let reason = match self.sender.halt() {
            Some(RegionHalt::Unavailable(why)) => why.reason.clone(),
            _ => undelivered::SERVICE_ERROR.to_owned(),
        };
        for finding in batch.into_outgoing() {
            self.redirect(finding, &reason).await;
        }
        Ok(())
    }

    /// Records sent findings in the next state. `unanswered`: it is unknown whether Security Hub stored them.
    async fn record_batch(&mut self, batch: &Batch, unanswered: bool) -> Result<(), PortError> {
        let archiving = self.state.archiving;
        let Some(region_state) = &mut self.state.region_state else { return Ok(()) };
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
