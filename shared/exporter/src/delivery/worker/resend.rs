//! A pass over the states outside of an export: a job resends some findings, and all others stay as they are.

use std::collections::BTreeSet;
use std::sync::Arc;

use asff::RegionName;

use super::conclude::Conclusion;
use super::region::{RegionWorker, WorkerResult};
use crate::delivery::pack::Outgoing;
use crate::delivery::{AccountDelivered, AccountDelivery};
use crate::ports::{PortError, Ports};
use crate::state::Entry;

/// Selects the version of a state entry that is sent. `None` if the entry stays as it is.
pub(crate) type Selector = dyn Fn(RegionName, &Entry) -> Result<Option<Outgoing>, PortError> + Send + Sync;

impl<P: Ports> AccountDelivery<P> {
    /// Iterates over the states of these Regions, all at the same time. With `archiving`, the sent findings count as
    /// archived.
    pub(crate) async fn resend(
        self,
        regions: &BTreeSet<RegionName>,
        select: Arc<Selector>,
        archiving: bool,
    ) -> AccountDelivered {
        self.run_workers(regions, |worker| worker.resend(select.clone(), archiving)).await
    }

    /// Compares the hubs of these Regions with the states, all at the same time, and corrects the differences unless
    /// `dry_run` is set.
    pub(crate) async fn reconcile(self, regions: &BTreeSet<RegionName>, dry_run: bool) -> AccountDelivered {
        self.run_workers(regions, |worker| worker.reconcile(dry_run)).await
    }

    async fn run_workers<F>(
        self,
        regions: &BTreeSet<RegionName>,
        work: impl Fn(RegionWorker<P>) -> F,
    ) -> AccountDelivered
    where
        F: Future<Output = WorkerResult> + Send + 'static,
    {
        let start = |region: &RegionName| (*region, tokio::spawn(work(self.new_worker(*region, None, Vec::new()))));
        let tasks: Vec<_> = regions.iter().map(start).collect();
        let mut delivered = AccountDelivered::default();
        for (region, task) in tasks {
            if let Some(result) = delivered.join_result(region, task.await) {
                delivered.add_region(region, result);
            }
        }
        delivered
    }
}

impl<P: Ports> RegionWorker<P> {
    async fn resend(mut self, select: Arc<Selector>, archiving: bool) -> WorkerResult {
        self.state.archiving = archiving;
        let opened = self.open().await;
        self.note_error(opened);
        if archiving {
            self.expect_active();
        }
        let passed = self.send_selected(select.as_ref()).await;
        self.note_error(passed);
        self.conclude(Conclusion::default()).await
    }

    /// Adds all active findings of the state to the progress as findings to process.
    pub(in crate::delivery) fn expect_active(&self) {
        let Some(region_state) = &self.state.region_state else { return };
        let active = region_state.index.iter().filter(|(meta, _)| meta.is_active()).count();
        self.sender.config().progress.expect_in(self.header.region, active as u64);
    }

    /// Sends the findings that `select` returns, and waits for all responses, since findings that are sent later are
    /// counted differently.
    pub(in crate::delivery) async fn send_selected(&mut self, select: &Selector) -> Result<(), PortError> {
        let Some(region_state) = &mut self.state.region_state else { return Ok(()) };
        let Some(old) = &region_state.old else { return Ok(()) };
        // No scan is exported: the state still refers to the previous scan.
        (region_state.header.scanned_at, region_state.header.ahead) = (old.scanned_at, old.ahead);
        let Some(mut entries) = region_state.entries().await? else { return Ok(()) };
        while let Some(entry) = entries.next().await.map_err(|error| error.on_second_read("the state"))? {
            if !self.state.region_state.as_ref().is_some_and(|region_state| region_state.index.is_current(&entry.meta))
            {
                continue;
            }
            if let Some(finding) = select(self.header.region, &entry)? {
                self.sender.send(finding).await;
                self.complete_sent().await?;
            }
        }
        self.sender.flush().await;
        self.complete_sent().await
    }
}
