//! Delivers an account's findings to Security Hub: one worker for each Region, all at once.
//!
//! Promises: a finding that goes in has exactly one fate when [`AccountDelivery::finish`] returns; a Region in trouble
//! does not stop another; memory is bounded by the queues and by the bytes in flight.

mod batch;
mod pace;
mod stop;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;

use asff::{Partition, RegionName};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub(crate) use self::batch::Rejected;
use self::batch::{Counters, Lane};
use self::pace::Pace;
use self::worker::{Fallback, Worked, Worker};
pub(crate) use crate::pack::Outgoing;
use crate::ports::{Hub, PortError};
use crate::progress::Progress;
use crate::quarantine::Quarantine;
use crate::report::{Counts, RegionReport};
use crate::settings::Settings;

/// What the deliveries of one export share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) in_flight: Arc<Semaphore>,
    pub(crate) give_up_at: Option<Instant>,
    pub(crate) quarantine: Quarantine,
    pub(crate) progress: Arc<Progress>,
}

/// The delivery of one account's findings.
pub(crate) struct AccountDelivery<H> {
    hub: H,
    partition: Partition,
    fallback_region: Option<RegionName>,
    shared: Shared,
    workers: BTreeMap<RegionName, Running>,
}

struct Running {
    queue: mpsc::Sender<Outgoing>,
    task: JoinHandle<Worked>,
}

/// What became of an account's findings.
#[derive(Debug, Default)]
pub(crate) struct AccountDelivered {
    pub(crate) counts: Counts,
    pub(crate) regions: BTreeMap<RegionName, RegionReport>,
    pub(crate) error: Option<PortError>,
}

impl<H: Hub + Clone + Send + Sync + 'static> AccountDelivery<H> {
    pub(crate) fn new(hub: H, partition: Partition, fallback_region: Option<RegionName>, shared: Shared) -> Self {
        Self { hub, partition, fallback_region, shared, workers: BTreeMap::new() }
    }

    /// Hands a finding to its Region's worker; waits while that worker has enough to do.
    pub(crate) async fn send(&mut self, region: &RegionName, finding: Outgoing) -> Result<(), PortError> {
        let queue = self.queue(region);
        queue.send(finding).await.map_err(|_| PortError {
            action: format!("deliver findings to {region}"),
            message: "the worker of this Region ended early".to_owned(),
        })
    }

    fn queue(&mut self, region: &RegionName) -> mpsc::Sender<Outgoing> {
        if let Some(running) = self.workers.get(region) {
            return running.queue.clone();
        }
        let fallback: Option<(RegionName, Fallback)> = match self.fallback_region {
            Some(fallback) if fallback != *region => {
                let queue = self.queue(&fallback);
                Some((fallback, queue))
            }
            _ => None,
        };
        let settings = &self.shared.settings;
        let worker = Worker {
            lane: Lane {
                hub: self.hub.clone(),
                region: *region,
                settings: settings.clone(),
                pace: Pace::new(settings.import_calls_per_second, settings.import_calls_burst),
                in_flight: self.shared.in_flight.clone(),
                give_up_at: self.shared.give_up_at,
                counters: Counters::default(),
            },
            partition: self.partition,
            quarantine: self.shared.quarantine.clone(),
            fallback,
            progress: self.shared.progress.clone(),
        };
        let (queue, receiver) = mpsc::channel(settings.worker_queue_max);
        let task = tokio::spawn(worker.run(receiver));
        self.workers.insert(*region, Running { queue: queue.clone(), task });
        queue
    }

    /// Closes the queues and waits until every finding has its fate. The fallback Region's worker ends last, because
    /// the others may still hand it findings.
    pub(crate) async fn finish(mut self) -> AccountDelivered {
        let last = self.fallback_region.take().and_then(|region| self.workers.remove_entry(&region));
        let mut delivered = AccountDelivered::default();
        // Close all queues first, so that the workers drain at the same time.
        let tasks: Vec<_> = self.workers.into_iter().map(|(region, running)| (region, running.task)).collect();
        for (region, task) in tasks {
            delivered.add(region, task.await);
        }
        if let Some((region, running)) = last {
            drop(running.queue);
            delivered.add(region, running.task.await);
        }
        delivered
    }
}

impl AccountDelivered {
    fn add(&mut self, region: RegionName, worked: Result<Worked, tokio::task::JoinError>) {
        match worked {
            Ok(worked) => {
                self.counts.merge(&worked.counts);
                self.regions.insert(region, worked.report);
                if let Some(error) = worked.error {
                    self.error.get_or_insert(error);
                }
            }
            // Its findings have no fate now: the counts do not add up, and the run fails, as it must.
            Err(error) => {
                self.error.get_or_insert(PortError {
                    action: format!("deliver findings to {region}"),
                    message: error.to_string(),
                });
            }
        }
    }
}
