//! Suspended accounts: of a file with many accounts, only a few are processed at the same time. The state of a
//! suspended account is saved, and what is needed until the end of the file is kept in memory, some hundred bytes per
//! Region.
//!
//! Guarantee: an account that was suspended gets the same result as one that was not, since it is recorded how the scan
//! showed each finding, and which findings became active.

use std::collections::BTreeMap;

use super::account::{AccountDelivery, DeliveryContext, SuspendedDelivery, SuspendedWorker};
use super::delivered::AccountDelivered;
use super::worker::region::RegionWorker;
use crate::ports::{PortError, Ports};
use crate::state::{AdoptionProgress, SeenInScan};

impl<P: Ports> AccountDelivery<P> {
    /// How many workers run.
    pub(crate) fn open_workers(&self) -> usize {
        self.workers.len()
    }

    /// Waits for the findings in flight, saves the states, and frees everything that needs memory.
    pub(crate) async fn suspend(mut self) -> SuspendedDelivery<P> {
        let mut delivered = std::mem::take(&mut self.context.delivered);
        let drained = self.drain_workers(&mut delivered).await;
        let suspend = |worker: RegionWorker<P>| (worker.header.region, tokio::spawn(worker.suspend()));
        let saves: Vec<_> = drained.into_iter().map(suspend).collect();
        for (region, task) in saves {
            if let Some(suspended) = delivered.join_result(region, task.await) {
                self.context.suspended.insert(region, suspended);
            }
        }
        SuspendedDelivery(DeliveryContext { delivered, ..self.context })
    }
}

impl<P: Ports> SuspendedDelivery<P> {
    /// Continues with a new connection.
    pub(crate) fn resume(self, hub: P::Hub) -> AccountDelivery<P> {
        AccountDelivery { hub, workers: BTreeMap::new(), context: self.0 }
    }

    /// Ends without reading the states again, for a transient reason: nothing is judged or archived.
    pub(crate) fn abandon(self, reason: &'static str) -> AccountDelivered {
        let DeliveryContext { policy, suspended, mut delivered, .. } = self.0;
        for (region, suspended) in suspended {
            let mut result = suspended.state.into_result(suspended.calls, suspended.halt.as_ref(), &policy);
            result.is_in_doubt = suspended.is_in_doubt;
            result.report.unfinished.get_or_insert_with(|| reason.to_owned());
            delivered.add_region(region, result);
        }
        delivered
    }
}

impl<P: Ports> RegionWorker<P> {
    /// Saves the state if it changed. Nothing is judged, since the file may have more entries of the account.
    async fn suspend(mut self) -> SuspendedWorker<P> {
        let saved = self.save_unjudged().await;
        self.note_error(saved);
        self.note_active();
        let region_state = self.state.region_state.take();
        let marks = region_state.as_ref().map(|region_state| region_state.index.marks().collect()).unwrap_or_default();
        self.state.newly_active.extend(region_state.into_iter().flat_map(|region_state| region_state.fresh));
        let in_doubt_regions = self.may_differ();
        let config = self.sender.config();
        SuspendedWorker {
            is_in_doubt: in_doubt_regions,
            has_accepted: config.has_accepted(),
            calls: config.counters.read(),
            halt: self.sender.halt().cloned(),
            header: self.header,
            state: Box::new(self.state),
            marks,
        }
    }

    async fn save_unjudged(&mut self) -> Result<(), PortError> {
        if self.state.error.is_some() {
            return Ok(());
        }
        self.ensure_lease()?;
        let Some(region_state) = self.state.region_state.as_mut().filter(|region_state| region_state.is_changed())
        else {
            return Ok(());
        };
        region_state.header.tail.repeated = self.state.repeated.keys_to_store(&region_state.index);
        let entries = if region_state.old.is_some() { region_state.entries().await? } else { None };
        if let Some(mut entries) = entries {
            while let Some(entry) = entries.next().await.map_err(|error| error.on_second_read("the state"))? {
                if region_state.index.is_current(&entry.meta) {
                    region_state.copy(&entry.meta, &entry.json).await?;
                }
            }
        }
        let saved = self.state.region_state.as_mut().map(|region_state| region_state.write_next());
        match saved {
            Some(saved) => saved.await,
            None => Ok(()),
        }
    }

    /// Continues where a worker of the same Region was suspended.
    pub(super) fn resume(&mut self, suspended: SuspendedWorker<P>) {
        let SuspendedWorker { header, halt, has_accepted, is_in_doubt: _, calls, state, marks } = suspended;
        self.header = header;
        self.state = *state;
        self.marks = marks;
        if let Some(halt) = halt {
            self.sender.halt_with(halt);
        }
        if has_accepted {
            self.sender.config().note_accepted();
        }
        self.sender.config().counters.add(calls);
    }

    /// Reads the state again that this run saved.
    pub(super) async fn reopen(&mut self) -> Result<(), PortError> {
        let mut region_state = self.read_region_state().await?;
        if let Some(old) = region_state.old.as_ref().filter(|old| old.scanned_at > region_state.header.scanned_at) {
            (region_state.header.scanned_at, region_state.header.ahead) = (old.scanned_at, old.ahead);
        }
        if self.state.report.adoption_skipped.is_some() && region_state.header.tail.adopting.is_none() {
            region_state.header.tail.adopting = Some(AdoptionProgress::postponed());
        }
        if self.state.report.hub_unverified.is_some() && region_state.header.tail.unverified_at.is_none() {
            region_state.header.tail.unverified_at = region_state.after_last_sent();
        }
        region_state.is_stale = region_state.old.as_ref().is_some_and(|old| old.hub_since != self.header.hub_since);
        for (key, seen) in std::mem::take(&mut self.marks) {
            region_state.index.mark(key, seen, false);
        }
        for key in &self.state.newly_active {
            region_state.index.mark(*key, SeenInScan::Wanted, false);
        }
        self.state.region_state = Some(Box::new(region_state));
        Ok(())
    }
}
