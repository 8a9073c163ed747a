//! Accounts at rest: a file of many accounts has few of them at work at once. The state of one at rest is saved, and what must be
//! known until the end of the file is kept in some hundred bytes for each Region.
//!
//! Promise: an account that rested is judged as if it had not: what the file says of each finding is kept, and which became active.

use std::collections::BTreeMap;

use super::account::{AccountDelivery, Rested, Resting};
use super::delivered::AccountDelivered;
use super::worker::region::RegionWorker;
use crate::ports::{PortError, Ports};
use crate::state::{Adopting, SeenInScan};

impl<P: Ports> AccountDelivery<P> {
    /// How many Regions are at work.
    pub(crate) fn open_workers(&self) -> usize {
        self.workers.len()
    }

    /// Waits for what is on its way, saves the states, and lets go of everything that takes memory.
    pub(crate) async fn rest(mut self) -> Resting<P> {
        let mut delivered = std::mem::take(&mut self.delivered);
        let drained = self.drain(&mut delivered).await;
        let resting = |worker: RegionWorker<P>| (worker.header.region, tokio::spawn(worker.rest()));
        let saving: Vec<_> = drained.into_iter().map(resting).collect();
        for (region, task) in saving {
            if let Some(rested) = delivered.joined(region, task.await) {
                self.rested.insert(region, rested);
            }
        }
        let Self {
            ports, account, partition, scanned_at, fallback_region, policy, shared, lease, heard, rested, ..
        } = self;
        Resting {
            ports,
            account,
            partition,
            scanned_at,
            fallback_region,
            policy,
            shared,
            lease,
            heard,
            rested,
            delivered,
        }
    }
}

impl<P: Ports> Resting<P> {
    /// Goes on with a connection of its own.
    pub(crate) fn wake(self, hub: P::Hub) -> AccountDelivery<P> {
        let Self {
            ports,
            account,
            partition,
            scanned_at,
            fallback_region,
            policy,
            shared,
            lease,
            heard,
            rested,
            delivered,
        } = self;
        let workers = BTreeMap::new();
        AccountDelivery {
            ports,
            hub,
            account,
            partition,
            scanned_at,
            fallback_region,
            policy,
            shared,
            lease,
            workers,
            heard,
            rested,
            delivered,
        }
    }

    /// Ends without another look at the states, for a reason that passes: nothing is judged or archived.
    pub(crate) fn abandon(mut self, reason: &'static str) -> AccountDelivered {
        for (region, rested) in self.rested {
            let mut worked = rested.work.ended(rested.calls, rested.stop.as_ref(), &self.policy);
            worked.in_doubt_regions = rested.in_doubt_regions;
            worked.report.unfinished.get_or_insert_with(|| reason.to_owned());
            self.delivered.add(region, worked);
        }
        self.delivered
    }
}

impl<P: Ports> RegionWorker<P> {
    /// Saves the state as far as it changed. Nothing is judged: the file may say more.
    async fn rest(mut self) -> Rested<P> {
        let saved = self.save_unjudged().await;
        self.note(saved);
        let region_state = self.work.region_state.take();
        let marks = region_state.as_ref().map(|region_state| region_state.index.marks().collect()).unwrap_or_default();
        self.work.fresh.extend(region_state.into_iter().flat_map(|region_state| region_state.fresh));
        let in_doubt_regions = self.may_differ();
        let lane = self.sender.lane();
        Rested {
            in_doubt_regions,
            has_accepted: lane.has_accepted(),
            calls: lane.counters.read(),
            stop: self.sender.stop().cloned(),
            header: self.header,
            work: Box::new(self.work),
            marks,
        }
    }

    async fn save_unjudged(&mut self) -> Result<(), PortError> {
        if self.work.error.is_some() {
            return Ok(());
        }
        self.still_ours()?;
        let Some(region_state) = self.work.region_state.as_mut().filter(|region_state| region_state.is_changed())
        else {
            return Ok(());
        };
        region_state.header.tail.repeated = self.work.repeated.remembered(&region_state.index);
        let entries = if region_state.old.is_some() { region_state.entries().await? } else { None };
        if let Some(mut entries) = entries {
            while let Some(entry) = entries.next().await.map_err(|error| error.again("the state"))? {
                if region_state.index.keeps(&entry.meta) {
                    region_state.copy(&entry.meta, &entry.json).await?;
                }
            }
        }
        let saved = self.work.region_state.as_mut().map(|region_state| region_state.put());
        match saved {
            Some(saved) => saved.await,
            None => Ok(()),
        }
    }

    /// Goes on where a worker of the same Region came to rest.
    pub(super) fn resume(&mut self, rested: Rested<P>) {
        let Rested { header, stop, has_accepted, in_doubt_regions: _, calls, work, marks } = rested;
        self.header = header;
        self.work = *work;
        self.marks = marks;
        if let Some(stop) = stop {
            self.sender.refuse(stop);
        }
        if has_accepted {
            self.sender.lane().note_accepted();
        }
        self.sender.lane().counters.add(calls);
    }

    /// Reads the state again that this run has saved.
    pub(super) async fn reopen(&mut self) -> Result<(), PortError> {
        let mut region_state = self.region_state().await?;
        region_state.orphaned = self.orphaned(&region_state).await?;
        if let Some(old) = region_state.old.as_ref().filter(|old| old.scanned_at > region_state.header.scanned_at) {
            (region_state.header.scanned_at, region_state.header.ahead) = (old.scanned_at, old.ahead);
        }
        if self.work.report.adoption_skipped.is_some() && region_state.header.tail.adopting.is_none() {
            region_state.header.tail.adopting = Some(Adopting::postponed());
        }
        region_state.is_stale = region_state.old.as_ref().is_some_and(|old| old.hub_since != self.header.hub_since);
        for (key, seen) in std::mem::take(&mut self.marks) {
            region_state.index.see(key, seen, false);
        }
        for key in &self.work.fresh {
            region_state.index.see(*key, SeenInScan::Wanted, false);
        }
        self.work.region_state = Some(Box::new(region_state));
        Ok(())
    }
}
