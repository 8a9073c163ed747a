//! A pass over what the states hold, outside of an export: some findings are resent, as a user's order wants
//! them; all others stay as they are.

use std::collections::BTreeSet;
use std::sync::Arc;

use asff::RegionName;

use super::conclude::Conclusion;
use super::region::{RegionWorker, WorkerResult};
use crate::delivery::{AccountDelivered, AccountDelivery};
use crate::pack::Outgoing;
use crate::ports::{PortError, Ports};
use crate::state::Entry;

/// What an entry of a Region's state is sent as. None: it stays as it is.
pub(crate) type Selector = dyn Fn(RegionName, &Entry) -> Result<Option<Outgoing>, PortError> + Send + Sync;

impl<P: Ports> AccountDelivery<P> {
    /// Goes through the states of these Regions, all at once. With `archiving`, what is sent counts as archived.
    pub(crate) async fn revise(
        self,
        regions: &BTreeSet<RegionName>,
        choose: Arc<Selector>,
        archiving: bool,
    ) -> AccountDelivered {
        self.each(regions, |worker| worker.revise(choose.clone(), archiving)).await
    }

    /// Compares what these Regions' hubs hold with the states, all at once, and fixes the difference, unless it is a dry
    /// run.
    pub(crate) async fn reconcile(self, regions: &BTreeSet<RegionName>, dry_run: bool) -> AccountDelivered {
        self.each(regions, |worker| worker.reconcile(dry_run)).await
    }

    async fn each<F>(self, regions: &BTreeSet<RegionName>, work: impl Fn(RegionWorker<P>) -> F) -> AccountDelivered
    where
        F: Future<Output = WorkerResult> + Send + 'static,
    {
        let start = |region: &RegionName| (*region, tokio::spawn(work(self.worker(*region, None, Vec::new()))));
        let tasks: Vec<_> = regions.iter().map(start).collect();
        let mut delivered = AccountDelivered::default();
        for (region, task) in tasks {
            if let Some(worked) = delivered.joined(region, task.await) {
                delivered.add(region, worked);
            }
        }
        delivered
    }
}

impl<P: Ports> RegionWorker<P> {
    async fn revise(mut self, choose: Arc<Selector>, archiving: bool) -> WorkerResult {
        self.work.archiving = archiving;
        let opened = self.open().await;
        self.note(opened);
        let passed = self.pass(choose.as_ref()).await;
        self.note(passed);
        self.conclude(Conclusion::default()).await
    }

    /// Sends what `choose` makes of the state's entries; waits for every answer, since what is sent later counts otherwise.
    pub(in crate::delivery) async fn pass(&mut self, choose: &Selector) -> Result<(), PortError> {
        let Some(region_state) = &mut self.work.region_state else { return Ok(()) };
        let Some(old) = &region_state.old else { return Ok(()) };
        // No scan is exported: the state stays the one of the scan before.
        (region_state.header.scanned_at, region_state.header.ahead) = (old.scanned_at, old.ahead);
        let Some(mut entries) = region_state.entries().await? else { return Ok(()) };
        while let Some(entry) = entries.next().await.map_err(|error| error.again("the state"))? {
            if !self.work.region_state.as_ref().is_some_and(|region_state| region_state.index.keeps(&entry.meta)) {
                continue;
            }
            if let Some(finding) = choose(self.header.region, &entry)? {
                self.sender.send(finding).await;
                self.settle().await?;
            }
        }
        self.sender.flush().await;
        self.settle().await
    }
}
