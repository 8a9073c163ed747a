//! The delivery of one account's findings: one worker for each Region.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use asff::{AccountId, Mapped, Partition, RegionName, Unsent};
use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::batch::{Counters, RegionConfig};
use super::call_rate::CallRate;
use super::delivered::{AccountDelivered, worker_stopped};
use super::halt::RegionHalt;
use super::sender::Sender;
use super::timed_hub::TimedHub;
use super::worker::conclude::Conclusion;
use super::worker::judge::ReportingRegions;
use super::worker::judge::Verdicts;
use super::worker::region::Policy;
use super::worker::region::{Message, RegionWorker, WorkerState};
use crate::delivery::limit::Limit;
use crate::lease::Lease;
use crate::lines::writer::JsonLines;
use crate::model::settings::Settings;
use crate::ports::{PortError, Ports};
use crate::progress::Progress;
use crate::quarantine::Quarantine;
use crate::report::PendingFinding;
use crate::selection::filter::FilterReason;
use crate::state::{Ahead, FindingKey, SeenInScan, StateHeader, Tail};

/// What the deliveries of all accounts of an export share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) run_id: Arc<str>,
    pub(crate) settings: Settings,
    pub(crate) in_flight: Arc<Semaphore>,
    /// Slots for findings that are buffered until the end of the file.
    pub(crate) buffer_slots: Arc<Semaphore>,
    pub(crate) give_up_at: Option<Instant>,
    pub(crate) quarantine: Quarantine,
    pub(crate) pending: JsonLines<PendingFinding>,
    pub(crate) progress: Arc<Progress>,
}

/// The delivery of one account's findings, connected to the account's hub.
pub(crate) struct AccountDelivery<P: Ports> {
    pub(super) hub: P::Hub,
    pub(super) workers: BTreeMap<RegionName, Running<P>>,
    pub(super) context: DeliveryContext<P>,
}

/// The suspended delivery of one account's findings, without a connection and without workers.
pub(crate) struct SuspendedDelivery<P: Ports>(pub(super) DeliveryContext<P>);

/// The part of a delivery that outlasts a suspension.
pub(super) struct DeliveryContext<P: Ports> {
    pub(super) ports: Arc<P>,
    pub(super) account: AccountId,
    pub(super) partition: Partition,
    pub(super) scanned_at: Timestamp,
    pub(super) fallback_region: Option<RegionName>,
    pub(super) policy: Policy,
    pub(super) shared: Shared,
    pub(super) lease: Lease,
    /// At least one Region of the account responded.
    pub(super) has_response: Arc<AtomicBool>,
    /// The Regions that were suspended and have not resumed.
    pub(super) suspended: BTreeMap<RegionName, SuspendedWorker<P>>,
    /// The outcome of Regions that ended early.
    pub(super) delivered: AccountDelivered,
}

pub(super) struct Running<P: Ports> {
    pub(super) queue: mpsc::Sender<Message>,
    pub(super) task: JoinHandle<RegionWorker<P>>,
}

/// The suspended worker of a Region.
pub(crate) struct SuspendedWorker<P: Ports> {
    pub(super) header: StateHeader,
    pub(super) halt: Option<RegionHalt>,
    pub(super) has_accepted: bool,
    /// Security Hub may have findings that the state does not have.
    pub(super) is_in_doubt: bool,
    /// The number of calls, of throttled calls, and of calls that failed for another transient reason.
    pub(super) calls: (u64, u64, u64),
    pub(super) state: Box<WorkerState<P>>,
    /// How the scan showed findings that the state has.
    pub(super) marks: Vec<(FindingKey, SeenInScan)>,
}

/// How findings that are not in the scan are judged at the end of an account's delivery.
pub(crate) struct Judging {
    pub(crate) verdicts: Verdicts,
    /// The archive limit. `None` if the integration does not archive findings.
    pub(crate) limit: Option<Limit>,
}

/// The account and the hub to which findings are delivered.
pub(crate) struct DeliveryTarget<P: Ports> {
    pub(crate) hub: P::Hub,
    pub(crate) account: AccountId,
    pub(crate) partition: Partition,
    /// The scan time, which may be ahead of the clock.
    pub(crate) scanned_at: Timestamp,
    pub(crate) fallback_region: Option<RegionName>,
}

impl<P: Ports> AccountDelivery<P> {
    pub(crate) fn new(ports: Arc<P>, target: DeliveryTarget<P>, policy: Policy, shared: Shared) -> Self {
        let DeliveryTarget { hub, account, partition, scanned_at, fallback_region } = target;
        let context = DeliveryContext {
            ports,
            account,
            partition,
            scanned_at,
            fallback_region,
            policy,
            shared,
            lease: Lease::fixed(),
            has_response: Arc::default(),
            suspended: BTreeMap::new(),
            delivered: AccountDelivered::default(),
        };
        Self { hub, workers: BTreeMap::new(), context }
    }

    /// Returns the delivery with the account's lease: it stops when the lease is lost.
    pub(crate) fn with_lease(mut self, lease: Lease) -> Self {
        self.context.lease = lease;
        self
    }

    /// Starts the worker of a Region that has a state, even if the scan doesn't mention the Region.
    pub(crate) fn track(&mut self, region: RegionName) {
        drop(self.worker_queue(region));
    }

    /// Sends a finding to a Region's worker. Waits while the worker's queue is full.
    pub(crate) async fn send(
        &mut self,
        region: RegionName,
        mapped: Box<Mapped>,
        filtered: Option<FilterReason>,
    ) -> Result<(), PortError> {
        let queue = self.worker_queue(region);
        queue.send(Message::Finding(mapped, filtered)).await.map_err(|_| worker_stopped(region))
    }

    /// Notifies the Regions that may have a copy of a finding how the scan shows it, if the finding's own Region is not
    /// selected.
    pub(crate) async fn mark_seen_elsewhere(&mut self, mapped: &Mapped, seen: SeenInScan) -> Result<(), PortError> {
        let at_ms = mapped.scanned_at.min(self.context.ports.now()).as_millisecond();
        let key = FindingKey::from_id(mapped.finding.id.as_str());
        for copy_region in self.context.policy.copy_regions.clone().iter() {
            let queue = self.worker_queue(*copy_region);
            queue.send(Message::SeenInScan(key, seen, at_ms)).await.map_err(|_| worker_stopped(*copy_region))?;
        }
        Ok(())
    }

    /// Notifies each Region that may have a finding, including its own Region, how the scan shows it.
    pub(crate) async fn mark_seen(
        &mut self,
        region: RegionName,
        key: FindingKey,
        seen: SeenInScan,
        at_ms: i64,
    ) -> Result<(), PortError> {
        let known_regions =
            self.context.policy.copy_regions.iter().copied().chain(self.context.fallback_region).chain([region]);
        let is_known =
            |known: &RegionName| self.workers.contains_key(known) || self.context.suspended.contains_key(known);
        let known_regions: BTreeSet<RegionName> = known_regions.filter(is_known).collect();
        for known in known_regions {
            let queue = self.worker_queue(known);
            queue.send(Message::SeenInScan(key, seen, at_ms)).await.map_err(|_| worker_stopped(known))?;
        }
        Ok(())
    }

    /// Notifies a Region's worker of a finding that is never sent.
    pub(crate) async fn mark_unsent(&mut self, region: RegionName, unsent: Box<Unsent>) -> Result<(), PortError> {
        self.worker_queue(region).send(Message::Unsent(unsent)).await.map_err(|_| worker_stopped(region))
    }

    fn worker_queue(&mut self, region: RegionName) -> mpsc::Sender<Message> {
        if let Some(running) = self.workers.get(&region) {
            return running.queue.clone();
        }
        let fallback = self
            .context
            .fallback_region
            .filter(|fallback| *fallback != region)
            .map(|fallback| self.worker_queue(fallback));
        // To avoid a cycle of workers that wait for each other, a Region that holds copies notifies only the Regions
        // after it, and the fallback Region notifies none. The others are notified after all queues are drained.
        let is_before = |copy_region: &RegionName| {
            self.context.fallback_region != Some(region) && Some(*copy_region) != self.context.fallback_region
        };
        let after =
            self.context.policy.copy_regions.iter().skip_while(|copy_region| {
                self.context.policy.copy_regions.contains(&region) && **copy_region <= region
            });
        let copy_regions: Vec<RegionName> =
            after.filter(|copy_region| **copy_region != region && is_before(copy_region)).copied().collect();
        let all = self.context.policy.copy_regions.iter().copied();
        let late = all.filter(|copy_region| *copy_region != region && !copy_regions.contains(copy_region)).collect();
        let copy_regions = copy_regions.into_iter().map(|copy_region| self.worker_queue(copy_region)).collect();
        let mut worker = RegionWorker { late_copy_regions: late, ..self.new_worker(region, fallback, copy_regions) };
        if let Some(suspended) = self.context.suspended.remove(&region) {
            worker.resume(suspended);
        }
        let (queue, receiver) = mpsc::channel(self.context.shared.settings.worker_queue_max);
        let task = tokio::spawn(worker.process_queue(receiver));
        self.workers.insert(region, Running { queue: queue.clone(), task });
        queue
    }

    pub(super) fn new_worker(
        &self,
        region: RegionName,
        fallback: Option<mpsc::Sender<Message>>,
        copy_regions: Vec<mpsc::Sender<Message>>,
    ) -> RegionWorker<P> {
        let settings = &self.context.shared.settings;
        let config = RegionConfig {
            hub: TimedHub::new(self.hub.clone(), self.context.shared.give_up_at, self.context.has_response.clone()),
            partition: self.context.partition,
            account: self.context.account,
            region,
            settings: settings.clone(),
            call_rate: CallRate::new(settings.import_calls_per_second, settings.import_calls_burst),
            in_flight: self.context.shared.in_flight.clone(),
            give_up_at: self.context.shared.give_up_at,
            lease: self.context.lease.clone(),
            counters: Counters::default(),
            has_accepted: AtomicBool::default(),
            progress: self.context.shared.progress.clone(),
        };
        let now = self.context.ports.now();
        let scanned_at = Some(self.context.scanned_at.min(now));
        let ahead = (self.context.scanned_at > now).then_some(Ahead { dated: self.context.scanned_at, begun: now });
        let tail = Tail { full_at: self.context.policy.full_at.get(&region).copied(), ..Tail::default() };
        RegionWorker {
            ports: self.context.ports.clone(),
            run_id: self.context.shared.run_id.clone(),
            header: StateHeader { account: self.context.account, region, hub_since: None, scanned_at, ahead, tail },
            scan_time: self.context.scanned_at,
            policy: self.context.policy.clone(),
            sender: Sender::new(config),
            quarantine: self.context.shared.quarantine.clone(),
            pending: self.context.shared.pending.clone(),
            fallback,
            copy_regions,
            buffer_slots: self.context.shared.buffer_slots.clone(),
            marks: Vec::new(),
            late_copy_regions: Vec::new(),
            state: WorkerState::default(),
        }
    }

    /// Closes the queues, waits until every finding has its outcome, archives resolved findings if that is allowed, and
    /// saves the states. Without `judging`, findings that were not sent are not judged.
    pub(crate) async fn finish(mut self, judging: Option<Judging>) -> AccountDelivered {
        for region in self.context.suspended.keys().copied().collect::<Vec<_>>() {
            self.track(region);
        }
        let mut delivered = std::mem::take(&mut self.context.delivered);
        let mut drained = self.drain_workers(&mut delivered).await;
        forward_late_marks(&mut drained);
        let all_reported = delivered.error.is_none() && drained.iter().all(RegionWorker::has_reported_all);
        let mut conclusion = Conclusion::default();
        if let Some(judging) = judging {
            for worker in &mut drained {
                worker.free_deduplicator();
                let has_response = self.reporting_regions(worker.header.region, all_reported);
                worker.prepare_judging(judging.verdicts.clone(), has_response).await;
            }
            if let Some(limit) = judging.limit {
                conclusion = delivered.decide_archive(&judging.verdicts, limit, &drained);
                if delivered.requires_approval() {
                    for worker in &mut drained {
                        worker.learn_home_regions().await;
                    }
                    delivered.add_up_pending(&drained);
                }
            }
            let to_send = |worker: &RegionWorker<P>| (worker.header.region, worker.findings_to_send(conclusion));
            self.context.shared.progress.plan(drained.iter().map(to_send));
        }
        let conclude = |worker: RegionWorker<P>| (worker.header.region, tokio::spawn(worker.conclude(conclusion)));
        let saves: Vec<_> = drained.into_iter().map(conclude).collect();
        for (region, task) in saves {
            if let Some(result) = delivered.join_result(region, task.await) {
                delivered.add_region(region, result);
            }
        }
        if !self.context.has_response.load(Ordering::Relaxed) {
            delivered.mark_network_unreachable();
        }
        delivered
    }

    /// The Regions that have reported all their findings to a Region, which may have copies of them. The fallback
    /// Region can have copies of all Regions.
    fn reporting_regions(&self, region: RegionName, all_reported: bool) -> ReportingRegions {
        if self.context.fallback_region == Some(region) {
            return ReportingRegions { is_empty: !all_reported, only: None };
        }
        let is_nothing = !all_reported || !self.context.policy.copy_regions.contains(&region);
        let only =
            if self.context.fallback_region.is_some() { None } else { self.context.policy.selected_regions.clone() };
        ReportingRegions { is_empty: is_nothing, only }
    }

    /// Waits until all workers have drained their queues. The workers of Regions that hold copies receive from the
    /// others and are drained after them; the fallback Region's worker is last.
    pub(super) async fn drain_workers(&mut self, delivered: &mut AccountDelivered) -> Vec<RegionWorker<P>> {
        let mut last = Vec::new();
        let copy_regions = self
            .context
            .policy
            .copy_regions
            .iter()
            .copied()
            .filter(|copy_region| Some(*copy_region) != self.context.fallback_region);
        for region in copy_regions.chain(self.context.fallback_region).collect::<Vec<_>>() {
            last.extend(self.workers.remove_entry(&region));
        }
        // Close all other queues first, so that the workers drain at the same time.
        let tasks: Vec<_> =
            std::mem::take(&mut self.workers).into_iter().map(|(region, running)| (region, running.task)).collect();
        let mut drained = Vec::new();
        for (region, task) in tasks {
            drained.extend(delivered.join_result(region, task.await));
        }
        for (region, running) in last {
            drop(running.queue);
            drained.extend(delivered.join_result(region, running.task.await));
        }
        drained
    }
}

/// Passes the marks that the workers deferred, to avoid waiting for each other in a cycle, to the Regions that may have
/// copies.
fn forward_late_marks<P: Ports>(drained: &mut [RegionWorker<P>]) {
    for sender in 0..drained.len() {
        let deferred_marks = std::mem::take(&mut drained[sender].state.deferred_marks);
        let late = std::mem::take(&mut drained[sender].late_copy_regions);
        for copy_region in drained.iter_mut().filter(|worker| late.contains(&worker.header.region)) {
            for (key, seen, at_ms) in &deferred_marks {
                copy_region.mark_seen(*key, *seen, *at_ms);
            }
        }
    }
}
