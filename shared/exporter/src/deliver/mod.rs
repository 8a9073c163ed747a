//! Delivers an account's findings to Security Hub: one worker for each Region, all at once.
//!
//! Promises: a finding that goes in has exactly one fate when [`AccountDelivery::finish`] returns; a Region in trouble
//! does not stop another; memory is bounded by the queues and by the bytes in flight.

mod batch;
mod conclude;
mod pace;
mod reconcile;
mod region;
mod revise;
mod sender;
mod settle;
mod stamp;
mod stop;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use asff::{AccountId, Mapped, Partition, RegionName, Unsent};
use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub(crate) use self::batch::Rejected;
use self::batch::{Counters, Lane};
pub(crate) use self::pace::Pace;
pub(crate) use self::region::Policy;
use self::region::{Message, RegionWorker, Work, Worked};
pub(crate) use self::revise::Choose;
use self::sender::Sender;
pub(crate) use self::stamp::once_more;
use crate::filter::Kept;
use crate::lease::Lease;
use crate::ports::{PortError, Ports};
use crate::progress::Progress;
use crate::quarantine::Quarantine;
use crate::report::{ArchiveSkipped, Counts, RegionReport};
use crate::settings::Settings;
use crate::state::{Ahead, Header, Key, held};

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
pub(crate) struct AccountDelivery<P: Ports> {
    ports: Arc<P>,
    hub: P::Hub,
    account: AccountId,
    partition: Partition,
    scanned_at: Timestamp,
    fallback_region: Option<RegionName>,
    policy: Policy,
    shared: Shared,
    lease: Lease,
    workers: BTreeMap<RegionName, Running<P>>,
}

struct Running<P: Ports> {
    queue: mpsc::Sender<Message>,
    task: JoinHandle<RegionWorker<P>>,
}

/// What may be archived at the end.
pub(crate) enum Archive {
    /// The integration does not archive.
    Off,
    /// The scan can't be taken at its word, for this reason.
    Incomplete(String),
    /// At most this share of the account's live findings.
    UpTo(u8),
}

/// What became of an account's findings.
#[derive(Debug, Default)]
pub(crate) struct AccountDelivered {
    pub(crate) counts: Counts,
    pub(crate) regions: BTreeMap<RegionName, RegionReport>,
    pub(crate) archive: Option<ArchiveSkipped>,
    /// Regions that stay in doubt.
    pub(crate) doubtful: BTreeSet<RegionName>,
    pub(crate) error: Option<PortError>,
    /// What is left to a later run, where [`Policy::remembers_left`] asks for it.
    pub(crate) left: HashSet<Key>,
}

/// Whose findings are delivered.
pub(crate) struct Sending<P: Ports> {
    pub(crate) hub: P::Hub,
    pub(crate) account: AccountId,
    pub(crate) partition: Partition,
    /// The scan's own time, which may lie ahead of the clock.
    pub(crate) scanned_at: Timestamp,
    pub(crate) fallback_region: Option<RegionName>,
}

impl<P: Ports> AccountDelivery<P> {
    pub(crate) fn new(ports: Arc<P>, sending: Sending<P>, policy: Policy, shared: Shared) -> Self {
        let Sending { hub, account, partition, scanned_at, fallback_region } = sending;
        let (lease, workers) = (Lease::fixed(), BTreeMap::new());
        Self { ports, hub, account, partition, scanned_at, fallback_region, policy, shared, lease, workers }
    }

    /// The same, stopping when the hold on the account is lost.
    pub(crate) fn held_by(self, lease: Lease) -> Self {
        Self { lease, ..self }
    }

    /// Starts the workers of Regions that the scan may not mention, but a state does.
    pub(crate) fn watch(&mut self, region: RegionName) {
        drop(self.queue(region));
    }

    /// Hands a finding to a Region's worker; waits while that worker has enough to do.
    pub(crate) async fn send(
        &mut self,
        region: RegionName,
        mapped: Box<Mapped>,
        kept: Option<Kept>,
    ) -> Result<(), PortError> {
        let queue = self.queue(region);
        queue.send(Message::Finding(mapped, kept)).await.map_err(|_| ended_early(region))
    }

    /// Tells a Region's worker of a finding that is never sent.
    pub(crate) async fn note(&mut self, region: RegionName, unsent: Box<Unsent>) -> Result<(), PortError> {
        self.queue(region).send(Message::Unsent(unsent)).await.map_err(|_| ended_early(region))
    }

    fn queue(&mut self, region: RegionName) -> mpsc::Sender<Message> {
        if let Some(running) = self.workers.get(&region) {
            return running.queue.clone();
        }
        let fallback = match self.fallback_region {
            Some(fallback) if fallback != region => Some((fallback, self.queue(fallback))),
            _ => None,
        };
        let worker = self.worker(region, fallback);
        let (queue, receiver) = mpsc::channel(self.shared.settings.worker_queue_max);
        let task = tokio::spawn(worker.drain(receiver));
        self.workers.insert(region, Running { queue: queue.clone(), task });
        queue
    }

    fn worker(&self, region: RegionName, fallback: Option<(RegionName, mpsc::Sender<Message>)>) -> RegionWorker<P> {
        let settings = &self.shared.settings;
        let lane = Lane {
            hub: self.hub.clone(),
            partition: self.partition,
            region,
            settings: settings.clone(),
            pace: Pace::new(settings.import_calls_per_second, settings.import_calls_burst),
            in_flight: self.shared.in_flight.clone(),
            give_up_at: self.shared.give_up_at,
            lease: self.lease.clone(),
            counters: Counters::default(),
            progress: self.shared.progress.clone(),
        };
        let now = self.ports.now();
        let scanned_at = Some(self.scanned_at.min(now));
        let ahead = (self.scanned_at > now).then_some(Ahead { dated: self.scanned_at, begun: now });
        RegionWorker {
            ports: self.ports.clone(),
            header: Header { account: self.account, region, hub_since: None, scanned_at, ahead, adopting: None },
            dated: self.scanned_at,
            policy: self.policy.clone(),
            sender: Sender::new(lane),
            quarantine: self.shared.quarantine.clone(),
            fallback,
            work: Work::default(),
        }
    }

    /// Closes the queues, waits until every finding has its fate, archives what is over if it may, and saves the
    /// states. The fallback Region's worker drains last, because the others may still hand it findings.
    pub(crate) async fn finish(mut self, archive: Archive) -> AccountDelivered {
        let mut delivered = AccountDelivered::default();
        let fallback_region = self.fallback_region;
        let last = self.fallback_region.take().and_then(|region| self.workers.remove_entry(&region));
        // Close all queues first, so that the workers drain at the same time.
        let tasks: Vec<_> = self.workers.into_iter().map(|(region, running)| (region, running.task)).collect();
        let mut drained = Vec::new();
        for (region, task) in tasks {
            drained.extend(delivered.joined(region, task.await));
        }
        if let Some((region, running)) = last {
            drop(running.queue);
            drained.extend(delivered.joined(region, running.task.await));
        }
        let may_archive = delivered.may_archive(archive, &drained);
        let all_spoke = drained.iter().all(|worker| !worker.work.left && worker.is_settled());
        let conclude = |worker: RegionWorker<P>| {
            let region = worker.header.region;
            let others_too = all_spoke && fallback_region == Some(region);
            (region, tokio::spawn(worker.conclude(may_archive, others_too)))
        };
        let saving: Vec<_> = drained.into_iter().map(conclude).collect();
        for (region, task) in saving {
            if let Some(worked) = delivered.joined(region, task.await) {
                delivered.add(region, worked);
            }
        }
        delivered
    }
}

impl AccountDelivered {
    /// Decides whether anything is archived, by what all Regions together would archive.
    fn may_archive<P: Ports>(&mut self, archive: Archive, drained: &[RegionWorker<P>]) -> bool {
        let (live, over) =
            drained.iter().map(RegionWorker::ended).fold((0, 0), |sum, region| (sum.0 + region.0, sum.1 + region.1));
        match archive {
            _ if self.error.is_some() => false,
            Archive::Off => false,
            Archive::Incomplete(why) => {
                if over > 0 {
                    self.archive = Some(ArchiveSkipped::Incomplete { why });
                }
                false
            }
            Archive::UpTo(percent) if held(over, live, percent) => {
                self.archive = Some(ArchiveSkipped::ArchiveHeld { over: over as u64, live: live as u64 });
                false
            }
            Archive::UpTo(_) => true,
        }
    }

    fn add(&mut self, region: RegionName, worked: Worked) {
        self.counts.merge(&worked.counts);
        self.regions.insert(region, worked.report);
        self.left.extend(worked.left);
        if worked.doubtful {
            self.doubtful.insert(region);
        }
        if let Some(error) = worked.error {
            self.error.get_or_insert(error);
        }
    }

    /// A task's outcome. A task that ended early leaves findings without a fate: the counts do not add up, and the run
    /// fails, as it must.
    fn joined<T>(&mut self, region: RegionName, outcome: Result<T, tokio::task::JoinError>) -> Option<T> {
        outcome.map_err(|_| self.error.get_or_insert(ended_early(region))).ok()
    }
}

fn ended_early(region: RegionName) -> PortError {
    PortError {
        action: format!("deliver findings to {region}"),
        message: "the worker of this Region ended early".to_owned(),
    }
}
